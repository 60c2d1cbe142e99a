import * as fc from 'fast-check'
import { general, large, sha256, Sketch, type Profile } from '../../../src/reconcile/index.ts'

/** Runs of the heavier properties, multiplied by TIDEMARK_FUZZ. */
export function runs(base: number): { numRuns: number } {
  return { numRuns: base * Number(process.env['TIDEMARK_FUZZ'] ?? 1) }
}

export const salts: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 16, maxLength: 16 })
export const profileChoice: fc.Arbitrary<Profile> = fc.constantFrom(general, large)
export const sizes: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 700 }),
)
/** Sets of whole numbers; `digestsOf` makes items of them. */
export const sets: fc.Arbitrary<number[]> = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), {
  maxLength: 120,
})

export function digestOf(item: number | string): Uint8Array {
  return sha256(new TextEncoder().encode(`item ${item}`))
}

/** The digests of items, one after another. */
export function digestsOf(items: Iterable<number | string>): Uint8Array {
  const digests = [...items].map(digestOf)
  const joined = new Uint8Array(32 * digests.length)
  digests.forEach((digest, at) => joined.set(digest, 32 * at))
  return joined
}

export function sketchOf(
  items: Iterable<number | string>,
  salt: Uint8Array,
  size: number,
  profile: Profile = general,
): Sketch {
  return new Sketch({ salt, size, profile }).addAll(digestsOf(items))
}

/** Ids as sorted texts, to be compared whatever their order. */
export function sortedIds(ids: Int32Array | undefined): string[] | undefined {
  if (ids === undefined) return undefined
  const texts = Array.from({ length: ids.length / 2 }, (_, at) => `${ids[2 * at]}/${ids[2 * at + 1]}`)
  return texts.toSorted()
}

/** Items of `a` that are not in `b`. */
export function without(a: readonly number[], b: readonly number[]): number[] {
  return a.filter((item) => !b.includes(item))
}

/** Items in one of the sets and not in the other. */
export function apart(a: readonly number[], b: readonly number[]): number[] {
  return [...without(a, b), ...without(b, a)]
}
