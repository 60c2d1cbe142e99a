const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A serialiser of texts (UTF-8), of what `toText` makes of an item when given. */
export function textSerializer(): (text: string) => Uint8Array
export function textSerializer<T>(toText: (item: T) => string): (item: T) => Uint8Array
export function textSerializer<T>(toText?: (item: T) => string): (item: T) => Uint8Array {
  return (item) => encoder.encode(toText === undefined ? String(item) : toText(item))
}

/** Its counterpart. */
export function textDeserializer(): (bytes: Uint8Array) => string
export function textDeserializer<T>(fromText: (text: string) => T): (bytes: Uint8Array) => T
export function textDeserializer<T>(fromText?: (text: string) => T): (bytes: Uint8Array) => T | string {
  return (bytes) => {
    const text = decoder.decode(bytes)
    return fromText === undefined ? text : fromText(text)
  }
}
