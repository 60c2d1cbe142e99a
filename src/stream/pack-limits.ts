/** States stay files of their own until there are this many, and the newest few stay so after. */
export const packAfter = 16
export const plainStates = 4

/** A pack takes more versions while it has fewer than this, and while its diffs are less than `fullShare` texts long. */
export const mostVersions = 512
export const fullShare = 10
/** From so many frames on a pack is compressed anew, as one: small frames compress less well. */
export const mostFrames = 6
/** For short texts: the diffs of a pack may grow to this in any case. */
export const smallContent: number = 256 << 10
