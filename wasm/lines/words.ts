// Arrays of words, and of marks of a byte.

export function word(array: usize, index: i32): u32 {
  return load<u32>(array + 4 * <usize>index)
}

export function mark(marks: usize, index: i32): u32 {
  return <u32>load<u8>(marks + <usize>index)
}

export function setMark(marks: usize, index: i32, value: u32): void {
  store<u8>(marks + <usize>index, <u8>value)
}
