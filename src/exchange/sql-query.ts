import { TidemarkError } from '../errors.ts'
import { golden, slotMultipliers, type Ids, type Profile, type SketchKey } from '../reconcile/index.ts'

/** What a dialect's file in sql/ is made of. */
export interface SqlTemplate {
  readonly parts: ReadonlyMap<string, string>
}

/** Reads the text of a file in sql/. */
export function sqlTemplate(text: string): SqlTemplate {
  const parts = new Map<string, string>()
  for (const section of text.split(/^-- part: /m).slice(1)) {
    const end = section.indexOf('\n')
    parts.set(section.slice(0, end).trim(), section.slice(end + 1).trim())
  }
  return { parts }
}

/** Which rows a query is about, under which key. */
export interface SqlTask {
  /** A query with one column, `item`: the bytes of each item. */
  readonly items: string
  readonly key: SketchKey
}

/** The query of all digests' sum and number: columns items, s0 … s7. */
export function rootQuery(template: SqlTemplate, items: string): string {
  return fill(template, 'root', { items })
}

/** The query of all ids: columns digest, lo, hi. */
export function idsQuery(template: SqlTemplate, task: SqlTask): string {
  return fill(template, 'ids', keyed(task))
}

/** The query of the first `size` cells: columns cell, lo, hi, check; cells without items are left out. */
export function cellsQuery(template: SqlTemplate, task: SqlTask, profile: Profile, size: number): string {
  return fill(template, 'cells', { ...keyed(task), ...plan(profile, size) })
}

/** The query of the items with certain ids: columns lo, hi, item (in hexadecimal). */
export function findQuery(template: SqlTemplate, task: SqlTask, ids: Ids): string {
  const wanted = Array.from(
    { length: ids.length / 2 },
    (_, at) => `(${ids[2 * at]! >>> 0}, ${ids[2 * at + 1]! >>> 0})`,
  )
  return fill(template, 'find', { ...keyed(task), wanted: wanted.join(', ') })
}

function keyed({ items, key }: SqlTask): Record<string, string> {
  const values: Record<string, string> = { items }
  key.words.forEach((word, at) => (values[`k${at}`] = `${word >>> 0}`))
  return values
}

/** Rounds and tries of a profile, up to `size` cells: the mapping of docs/format/sketch.md as rows. */
function plan(profile: Profile, size: number): Record<string, string> {
  const rounds: number[][] = []
  const tries: number[][] = []
  for (let round = 0; round < 4 && 4 * round < size; round++) rounds.push([round, constant(round)])
  for (let k = 4; 2 ** k < size; k++) rounds.push([k, constant(k)])
  profile.classes.forEach(({ head, slots }, number) => {
    for (const [round] of rounds) {
      if (round! < 4) {
        for (let byte = 0; byte < 4; byte++) {
          tries.push([number, round!, 8 * byte, head[4 * round! + byte]!, 4 * round! + byte, 0, 0])
        }
      } else {
        slots.forEach((threshold, slot) => {
          tries.push([number, round!, 0, threshold, 2 ** round!, slotMultipliers[slot]!, 32 - round!])
        })
      }
    }
  })
  return {
    rounds: rows(rounds),
    tries: rows(tries),
    class: `${constant(31)}`,
    classes: profile.classes.map(({ below }, number) => `WHEN word < ${below} THEN ${number}`).join(' '),
    size: `${size}`,
  }
}

function constant(round: number): number {
  return Math.imul(round, golden) >>> 0
}

function rows(values: readonly number[][]): string {
  return values.map((row) => `(${row.join(', ')})`).join(', ')
}

/** Fills in a part; a name that is no value is another part. */
function fill(template: SqlTemplate, part: string, values: Readonly<Record<string, string>>): string {
  const text = template.parts.get(part)
  if (text === undefined) throw new TidemarkError('usage', `The SQL file has no part '${part}'`)
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? fill(template, name, values))
}
