import { equalBytes, findNewline } from './bytes'
import { CLASSES, field, MASK, SEED, SLOTS } from './frame'

/** Notes where each line of [text, end) starts, and the end. */
export function cut(text: usize, end: usize, starts: usize): void {
  for (let at = text; at < end; at = findNewline(at, end) + 1) {
    store<u32>(starts, <u32>(at - text))
    starts += 4
  }
  store<u32>(starts, <u32>(end - text))
}

function hashLine(at: usize, end: usize, seed: u64): u32 {
  let h = seed ^ <u64>(end - at)
  for (; at + 8 <= end; at += 8) {
    h = (h ^ load<u64>(at)) * 0x9e3779b97f4a7c15
    h ^= h >>> 29
  }
  for (; at < end; at++) h = (h ^ <u64>load<u8>(at)) * 0x9e3779b97f4a7c15
  h ^= h >>> 32
  h *= 0xd6e8feb86659fd93
  return <u32>(h >>> 32)
}

/** Gives each line the number of its class, the lines that are equal to it; returns how many classes there are now. */
export function numberLines(text: usize, starts: usize, count: u32, numbers: usize, classes: u32): u32 {
  const slots = field(SLOTS)
  const mask = load<u32>(MASK)
  const table = field(CLASSES)
  const seed = <u64>load<u32>(SEED) * 0x9e3779b97f4a7c15
  for (let i: u32 = 0; i < count; i++) {
    const at = text + <usize>load<u32>(starts + 4 * <usize>i)
    const end = text + <usize>load<u32>(starts + 4 * <usize>i, 4)
    const hash = hashLine(at, end, seed)
    let slot = hash & mask
    for (;;) {
      const known = load<u32>(slots + 4 * <usize>slot)
      if (known == 0) {
        const entry = table + 12 * <usize>classes
        store<u32>(entry, <u32>at)
        store<u32>(entry, <u32>(end - at), 4)
        store<u32>(entry, hash, 8)
        store<u32>(slots + 4 * <usize>slot, classes + 1)
        store<u32>(numbers + 4 * <usize>i, classes++)
        break
      }
      const entry = table + 12 * <usize>(known - 1)
      if (
        load<u32>(entry, 8) == hash &&
        <usize>load<u32>(entry, 4) == end - at &&
        equalBytes(<usize>load<u32>(entry), at, end - at)
      ) {
        store<u32>(numbers + 4 * <usize>i, known - 1)
        break
      }
      slot = (slot + 1) & mask
    }
  }
  return classes
}
