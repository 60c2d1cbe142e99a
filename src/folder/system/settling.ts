interface Times {
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

const millisecond = 1_000_000n
const second = 1000n * millisecond

/**
 * How long, in nanoseconds, a file must have been left alone for its times to tell when it changes again:
 * kernels stamp files with the time of their last tick, which is 4 ms old at most.
 */
export const tick: bigint = 20n * millisecond

/**
 * How long it must have been left alone for nobody to be in the middle of a write: the times are set before
 * the bytes are copied, and on a busy machine the writer may have to wait in between.
 */
export const pause: bigint = 50n * millisecond

/** The same where the folder is watched, and whoever goes on writing is told of: longer than a kernel's tick. */
export const shortPause: bigint = 8n * millisecond

/**
 * For how many nanoseconds a file with these times has still to be left alone, `needed` being how long in all;
 * 0 when it has been already. File systems with whole seconds (FAT: two) are told by their zeros and need
 * more. A file from the future, as there are when a clock was set back, is to be watched for the whole time.
 */
export function settlingNs({ mtimeNs, ctimeNs }: Times, nowNs: bigint, needed: bigint): bigint {
  const coarse = ctimeNs % second === 0n && mtimeNs % second === 0n
  const wanted = coarse ? 2n * second : needed
  const left = ctimeNs + wanted - nowNs
  if (left < 0n) return 0n
  return left < wanted ? left + 1n : wanted
}

/** More than any file system's clock leaves open, in milliseconds. */
const surely = 2100

/** Whether {@link settlingNs} is 0 now, told quickly of files that have been left alone for long. */
export function isSettled(times: Times, needed: bigint): boolean {
  const now = Date.now()
  if (now - Number(times.ctimeNs) / 1e6 > surely) return true
  return settlingNs(times, BigInt(now) * millisecond, needed) === 0n
}
