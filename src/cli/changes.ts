import { displayName, nameToBytes } from '../bytes/name.ts'
import type { Change } from '../tree/change.ts'
import type { Context } from './context.ts'
import { formatCount } from './format.ts'
import { entryJson } from './json.ts'
import type { Style } from './output.ts'

export interface ChangeOptions {
  readonly nameOnly: boolean
  readonly null: boolean
}

const letters = { added: 'A', removed: 'D', changed: 'M', moved: 'R' } as const
const styles: Readonly<Record<Change['kind'], Style>> = {
  added: 'green',
  removed: 'red',
  changed: 'yellow',
  moved: 'cyan',
}
const words: Readonly<Record<Change['kind'], string>> = {
  added: 'added',
  removed: 'deleted',
  changed: 'modified',
  moved: 'renamed',
}

/** Prints changes one a line, and counts them. */
export class ChangePrinter {
  protected readonly context: Context
  readonly #options: ChangeOptions
  readonly #counts = { added: 0, removed: 0, changed: 0, moved: 0 }

  constructor(context: Context, options: ChangeOptions) {
    this.context = context
    this.#options = options
  }

  /** Whether anything was printed. */
  get any(): boolean {
    return Object.values(this.#counts).some((count) => count > 0)
  }

  async print(change: Change): Promise<void> {
    const { context } = this
    if (isFaint(change) && !context.options.verbose && !context.json) return
    this.#counts[change.kind]++
    if (await this.printContent(change)) return
    if (context.json) await context.printJson(changeJson(change))
    else if (this.#options.null)
      await context.out.bytes(Buffer.concat([nameToBytes(change.path), Buffer.alloc(1)]))
    else if (this.#options.nameOnly) await context.print(displayName(change.path))
    else await context.print(this.#line(change))
  }

  /** For those that show more of a change than one line. */
  protected printContent(_change: Change): Promise<boolean> {
    return Promise.resolve(false)
  }

  #line({ kind, path, from, before, after, what = [] }: Change): string {
    const { out } = this.context
    const slash = (after ?? before)?.kind === 'directory' ? '/' : ''
    const name = displayName(path === '' ? '.' : path) + slash
    const names = from === undefined ? name : `${displayName(from)}${slash} -> ${name}`
    const details =
      kind === 'moved' || what.includes('content') ? what.filter((word) => word !== 'time') : what
    const remark = details.length === 0 || details.join() === 'content' ? '' : ` (${details.join(', ')})`
    return `${out.style(styles[kind], letters[kind])}  ${names}${out.style('dim', remark)}`
  }

  /** Says how many there were of each kind, to a person. */
  async end(): Promise<void> {
    if (this.#options.nameOnly || this.#options.null) return
    const counts = Object.entries(this.#counts).filter(([, count]) => count > 0)
    const parts = counts.map(([kind, count]) => `${formatCount(count)} ${words[kind as Change['kind']]}`)
    await this.context.out.flush()
    await this.context.note(parts.length === 0 ? 'no changes' : parts.join(', '))
  }
}

/** A directory whose time changed because something in it did, which is told by itself. */
function isFaint({ kind, after, what }: Change): boolean {
  return kind === 'changed' && after?.kind === 'directory' && what?.join() === 'time'
}

export function changeJson({ path, kind, from, before, after, what }: Change): object {
  return {
    path,
    change: kind,
    ...(from === undefined ? {} : { from }),
    ...(what === undefined ? {} : { what }),
    before: before === undefined ? null : entryJson(from ?? path, before),
    after: after === undefined ? null : entryJson(path, after),
  }
}
