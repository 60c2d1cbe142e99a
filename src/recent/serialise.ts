import { nameToBytes, type Name } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import { metaToTree } from './meta.ts'
import { printScalar } from './yaml-scalar.ts'
import type { RecentEvent } from './event.ts'
import type { Meta, MetaValue, Recentfile } from './recentfile.ts'

/**
 * A file up to its list of events, as text: in YAML up to `recent:`, in JSON up to `"recent":[`, and `---` for
 * protocol 0. The bytes of a file follow from it and from the events alone, so that who has both can put the
 * file together again (see `rebuild`).
 */
export type Preamble = Name

/** The bytes of an index file, by the suffix in its meta block. */
export function serialise(file: Recentfile): Uint8Array<ArrayBuffer> {
  return joined([...serialiseParts(file)])
}

/** The same in pieces of some 64 KiB, for files too large to be held twice. */
export function serialiseParts(file: {
  readonly meta: Meta
  readonly events: Iterable<RecentEvent>
}): Generator<Uint8Array> {
  return rebuild(printPreamble(file.meta), file.events)
}

/** The file of a preamble, as it was read, and of events, newest first. */
export function* rebuild(preamble: Preamble, events: Iterable<RecentEvent>): Generator<Uint8Array> {
  const style = preamble.startsWith('{') ? json : preamble === '---' ? bare : yaml
  let text = preamble
  let first = true
  for (const event of events) {
    text += (first ? style.begin : style.between) + style.print(event)
    first = false
    if (text.length < piece) continue
    yield nameToBytes(text)
    text = ''
  }
  yield nameToBytes(text + (first ? style.none : style.end))
}

const piece = 65536

interface Style {
  readonly begin: string
  readonly between: string
  readonly end: string
  /** Instead of all three when there are no events. */
  readonly none: string
  readonly print: (event: RecentEvent) => string
}

const yaml: Style = {
  begin: ' \n',
  between: '',
  end: '',
  none: ' []\n',
  print: (event) => `  - \n${yamlLines(event, '    ')}`,
}

const bare: Style = { ...yaml, print: (event) => `- \n${yamlLines(event, '  ')}` }

const json: Style = { begin: '\n', between: ',\n', end: '\n]}\n', none: ']}\n', print: jsonLine }

function yamlLines({ epoch, path, type, detail }: RecentEvent, indent: string): string {
  const extra = detail === undefined ? '' : `${indent}Tidemark: ${printScalar(detail)}\n`
  return `${extra}${indent}epoch: '${epoch}'\n${indent}path: ${printScalar(path)}\n${indent}type: ${type}\n`
}

function jsonLine({ epoch, path, type, detail }: RecentEvent): string {
  return JSON.stringify({ ...(detail !== undefined && { Tidemark: detail }), epoch, path, type })
}

/** What we write before the events. Protocol 0 is always YAML. */
export function printPreamble(meta: Meta): Preamble {
  if (meta.protocol === 0) return '---'
  const tree = metaToTree(meta)
  if (meta.suffix === '.json') return `{"meta":${jsonOf(tree)},"recent":[`
  if (meta.suffix !== '.yaml')
    throw new TidemarkError('unsupported', `index files are written as .yaml or .json, not ${meta.suffix}`)
  return `--- \nmeta: \n${block(tree, '  ')}recent:`
}

/** Everything is text but the protocol, which the Perl program gives to its methods as it is. */
function jsonOf(tree: { readonly [key: string]: MetaValue }): string {
  return JSON.stringify(tree, (key, value: unknown) => (key === 'protocol' ? Number(value) : value))
}

function block(tree: MetaValue, indent: string): string {
  if (typeof tree === 'string') return `${indent}${printScalar(tree)}\n`
  if (Array.isArray(tree))
    return (tree as readonly MetaValue[]).map((item) => listItem(item, indent)).join('')
  return Object.entries(tree)
    .map(([key, value]) => `${indent}${printScalar(key)}:${after(value, indent)}`)
    .join('')
}

function listItem(item: MetaValue, indent: string): string {
  return `${indent}-${after(item, indent)}`
}

function after(value: MetaValue, indent: string): string {
  if (typeof value === 'string') return ` ${printScalar(value)}\n`
  if (Array.isArray(value) && value.length === 0) return ' []\n'
  if (Object.keys(value).length === 0) return ' {}\n'
  return ` \n${block(value, `${indent}  `)}`
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
