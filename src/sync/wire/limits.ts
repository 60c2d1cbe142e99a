/** What the wire bears; both sides rely on these, so they are part of the format (docs/format/wire.md). */

/** Bytes of a frame behind its header, at most. */
export const maxPayload: number = 256 * 1024
/** Each frame of data uses up so much credit beside its payload: empty ones take memory too. */
export const frameCost = 64
/** Bytes of a chunk that may travel: what any chunker may make. */
export const maxChunk: number = 16 * 1024 * 1024
/** Bytes of a message that carries chunks. */
export const maxBatch: number = maxChunk + 64 * 1024
/** Bytes of any other message. */
export const maxMessage: number = 1024 * 1024
/** Bytes of the text of an error. */
export const maxErrorText = 4096
/** Credit of one direction of a channel. */
export const maxCredit: number = 0x7fff_ffff
/** The least that a side may offer of each in its preamble. */
export const leastWindow: number = 64 * 1024
export const leastChannels = 4
