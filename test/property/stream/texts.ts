import * as fc from 'fast-check'

/** Any bytes, rarely with line ends. */
const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))

const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '',
      'a',
      'b',
      'c',
      'same',
      'other',
      '}',
      '\\ No newline',
      '--- x',
      '@@ -1 +1 @@',
    ),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 12, unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom('\0', 'crlf\r', '\r', 'é', '-', '+', ' ') },
)

const lines = fc
  .tuple(fc.array(line, { maxLength: 60 }), fc.boolean(), fc.constantFrom('\n', '\n', '\r\n'))
  .map(([lines, last, end]) => Buffer.from(lines.join(end) + (last && lines.length > 0 ? end : '')))

/** Texts of all kinds: empty, binary, many equal lines, with and without a last newline, CRLF. */
export const texts: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 5, arbitrary: lines },
  { weight: 1, arbitrary: anyBytes },
)

/** Two texts of which the second is mostly an edit of the first. */
export const textPairs: fc.Arbitrary<[Buffer, Buffer]> = fc.oneof(
  fc.tuple(texts, texts),
  fc
    .tuple(lines, lines, fc.nat(60), fc.nat(60), fc.nat(60))
    .map(([text, other, from, to, at]): [Buffer, Buffer] => {
      const old = text.toString('latin1').split('\n')
      const edited = old.slice()
      edited.splice(
        at % (old.length + 1),
        to % 9,
        ...other
          .toString('latin1')
          .split('\n')
          .slice(0, from % 5),
      )
      edited.push(...edited.splice(from % (edited.length + 1), to % 4))
      return [text, Buffer.from(edited.join('\n'), 'latin1')]
    }),
)

/** How often a property is tried: `quick` runs, multiplied by `TIDEMARK_FUZZ`. */
export function runs(quick: number): { numRuns: number } {
  return { numRuns: Math.ceil(quick * Number(process.env['TIDEMARK_FUZZ'] ?? '1')) }
}

/** A small generator of its own: long texts would drown fast-check's shrinking. */
export function longTexts(seed: number): [Buffer, Buffer] {
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return Math.floor(((state >>> 0) / 2 ** 32) * below)
  }
  const kinds = [2, 3, 10, 50, 1000, 1e6][random(6)]!
  const some = (count: number): string[] => Array.from({ length: count }, () => `line ${random(kinds)}`)
  const text = some(random([100, 700, 3000][random(3)]!))
  const edited = random(4) === 0 ? some(random(text.length + 3)) : text.slice()
  for (let edits = random(30); edits > 0; edits--) {
    const moved = edited.splice(random(edited.length + 1), random(8))
    edited.splice(random(edited.length + 1), random(4), ...(random(2) === 0 ? moved : some(random(4))))
  }
  const bytes = (lines: string[]): Buffer =>
    Buffer.from(lines.join('\n') + (random(3) > 0 && lines.length > 0 ? '\n' : ''))
  return [bytes(text), bytes(edited)]
}
