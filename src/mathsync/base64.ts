/** Standard base64 with padding, in any runtime. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  // In portions: a spread of a large array would overflow the stack.
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

/** The bytes; undefined unless `text` is exactly what {@link toBase64} writes. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
