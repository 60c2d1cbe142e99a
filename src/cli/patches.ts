import { displayName } from '../bytes/name.ts'
import { isTidemarkError } from '../errors.ts'
import type { Change } from '../tree/change.ts'
import { diffTexts } from '../history/text-diff.ts'
import type { TextDiff, TextDiffOptions } from '../history/text-diff.ts'
import type { Entry, FileEntry } from '../object/entry.ts'
import type { Store } from '../store/store.ts'
import { ChangePrinter, changeJson } from './changes.ts'
import type { Context } from './context.ts'
import type { Style } from './output.ts'
import { safeText } from './safe-text.ts'

type Sides = [FileEntry | undefined, FileEntry | undefined, TextDiffOptions]

/** Prints what changed inside of texts as patches that `patch -p1` takes; other changes one a line. */
export class PatchPrinter extends ChangePrinter {
  readonly #store: Store

  constructor(context: Context, store: Store) {
    super(context, { nameOnly: false, null: false })
    this.#store = store
  }

  protected override async printContent(change: Change): Promise<boolean> {
    const { path, from = path, before, after } = change
    const { context } = this
    if (!isText(before) || !isText(after) || (before ?? after) === undefined) return false
    const { signal } = context
    const difference = await this.#compare(before, after, { from, to: path, signal })
    if (context.json) {
      await context.printJson({ ...changeJson(change), text: textJson(difference) })
      return true
    }
    if (difference.kind === 'equal') return false
    if (difference.kind !== 'text') await context.print(`${displayName(path)}: ${reasons[difference.kind]}`)
    else if (context.out.terminal)
      for (const line of linesOf(difference.patch)) await context.print(paint(context, line))
    else await context.out.bytes(difference.patch)
    return true
  }

  /** Where only the timeline is kept contents may be gone: no reason not to show the others. */
  async #compare(...sides: Sides): Promise<Difference> {
    try {
      return await diffTexts(this.#store, ...sides)
    } catch (error) {
      if (isTidemarkError(error, 'missing')) return { kind: 'missing' }
      throw error
    }
  }
}

type Difference = TextDiff | { readonly kind: 'missing' }

const reasons = {
  missing: 'its content is not there any more',
  binary: 'binary content differs',
  'too-large': 'too large for a comparison line by line',
  'too-different': 'differs too much for a comparison line by line',
} as const

function isText(entry: Entry | undefined): entry is FileEntry | undefined {
  return entry === undefined || (entry.kind === 'file' && !entry.unreadable)
}

function linesOf(patch: Uint8Array): string[] {
  return new TextDecoder().decode(patch).replace(/\n$/, '').split('\n')
}

/** What files hold must not control the terminal either. */
function paint({ out }: Context, line: string): string {
  const text = line.split('\t').map(safeText).join('\t')
  const style = styles.find(([start]) => line.startsWith(start))?.[1]
  return style === undefined ? text : out.style(style, text)
}

const styles: readonly (readonly [string, Style])[] = [
  ['--- ', 'bold'],
  ['+++ ', 'bold'],
  ['@@', 'cyan'],
  ['-', 'red'],
  ['+', 'green'],
]

function textJson(difference: Difference): object {
  if (difference.kind !== 'text') return { kind: difference.kind }
  const { kind, added, removed, patch } = difference
  return { kind, added, removed, patch: new TextDecoder().decode(patch) }
}
