import type { Bucket } from '../../src/store/bucket.ts'

/** Names that begin with `prefix`, in order. */
export async function namesIn(bucket: Bucket, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(bucket.list(prefix))).map(({ name }) => name).toSorted()
}

/** Replaces what is stored under `name` by what `change` makes of it. */
export async function rewrite(
  bucket: Bucket,
  name: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  await bucket.put(name, change((await bucket.get(name)).slice()))
}

/** Flips a bit at `at`, counted from the end when negative. */
export function flip(at: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const place = at < 0 ? bytes.length + at : at
    bytes[place]! ^= 0x10
    return bytes
  }
}
