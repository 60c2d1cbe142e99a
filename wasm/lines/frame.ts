// The frame: words from address 0 on, that say where everything is. src/stream/lines-kernel.ts fills it in.
export const OLD_TEXT: usize = 0
export const OLD_END: usize = 4
export const NEW_TEXT: usize = 8
export const NEW_END: usize = 12
export const OLD_COUNT: usize = 16
export const NEW_COUNT: usize = 20
export const OLD_STARTS: usize = 24
export const NEW_STARTS: usize = 28
export const OLD_NUMBERS: usize = 32
export const NEW_NUMBERS: usize = 36
export const SLOTS: usize = 40
export const MASK: usize = 44
export const CLASSES: usize = 48
export const SEED: usize = 52
export const OLD_TALLY: usize = 56
export const NEW_TALLY: usize = 60
export const OLD_MARKS: usize = 64
export const NEW_MARKS: usize = 68
export const OLD_KEPT: usize = 72
export const NEW_KEPT: usize = 76
export const OLD_PLACES: usize = 80
export const NEW_PLACES: usize = 84
export const OLD_KEPT_COUNT: usize = 88
export const NEW_KEPT_COUNT: usize = 92
export const FROM: usize = 96
export const OLD_BODY: usize = 100
export const NEW_BODY: usize = 104
export const CHANGES: usize = 108
export const HEAD: usize = 112
export const TAIL: usize = 116

export function field(at: usize): usize {
  return <usize>load<u32>(at)
}
