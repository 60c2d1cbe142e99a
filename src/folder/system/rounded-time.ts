const second = 1_000_000_000n

/** The units of file systems' times: of NTFS, of the many with microseconds, of exFAT, with seconds, and of FAT. */
const grains = [100n, 1000n, 10_000_000n, second, 2n * second]

/** The last and first times of file systems with fewer bits for them, in seconds: of 32 bits, and of FAT. */
const lastTimes = [2n ** 31n - 1n, 2n ** 32n - 1n, 4_354_819_198n]
const firstTimes = [-(2n ** 31n), 0n, 315_532_800n]

/**
 * Whether a file that was given the time `given` may show `shown` because its file system knows no nearer one (or
 * because it was set by a call that rounds to the microsecond).
 */
export function isRoundedTime(given: bigint, shown: bigint): boolean {
  if (given === shown) return true
  const beyond = given - shown
  if (beyond > -2000n && beyond < 2000n) return true
  if (beyond > 0n && beyond < 2n * second)
    return grains.some((grain) => shown % grain === 0n && beyond < grain)
  if (shown % second !== 0n) return false
  return (beyond > 0n ? lastTimes : firstTimes).includes(shown / second)
}
