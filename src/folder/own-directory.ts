/** The bookkeeping of a folder, which is not part of it. */
export const ownDirectory = '.tidemark'
