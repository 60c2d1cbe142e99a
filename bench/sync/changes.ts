import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { warm } from '../measure.ts'
import { makeRandomFile, makeSmallFiles } from '../trees.ts'
import { chosen, inStep, rsync, tidemark, unison, type Contender, type History } from './contender.ts'
import { append, insertByte, renameDirectory, replace } from './edits.ts'
import type { Ground } from './ground.ts'
import { Sheet } from './sheet.ts'

/** What one edit changes; its bytes are those that are new in it. */
interface Edit {
  readonly step: string
  readonly make: () => number | Promise<number>
}

/**
 * What goes over the wire for a change, and how long it takes, through a pipe as ssh's. All contenders have a copy of
 * their own of the same tree. HISTORY (kept) says what Tidemark keeps on both sides.
 */
export async function changes(ground: Ground, runs: number): Promise<void> {
  const history: History = process.env['HISTORY'] === 'none' ? 'none' : 'kept'
  const contenders = chosen([tidemark(ground, history), rsync, unison(ground)])
  const files = ground.count(100_000)
  const sheet = new Sheet(`changes, ${files} files`)
  const ours = `tidemark ${history}`

  const small = ground.at('small/tree')
  makeSmallFiles(small, files, 4096, 16_384)
  if (existsSync(join(small, 'moved'))) renameDirectory(small)
  const [few, many] = [1, ground.count(1000)]
  const edits: readonly Edit[] = [
    { step: 'nothing', make: () => 0 },
    { step: '1 file new', make: () => replace(small, files, few) },
    { step: '1,000 appended to', make: () => (append(small, files, many), 0) },
    { step: '1,000 files new', make: () => replace(small, files, many) },
    { step: 'directory renamed', make: () => (renameDirectory(small), 0) },
    { step: 'directory renamed back', make: () => (renameDirectory(small), 0) },
  ]
  await follow(ground, sheet, contenders, small, edits, runs)

  const big = ground.at('big/tree')
  mkdirSync(big, { recursive: true })
  makeRandomFile(join(big, 'big'), Math.round(1024 ** 3 * ground.scale))
  const insert = async (): Promise<number> => {
    await insertByte(join(big, 'big'))
    return 1
  }
  await follow(ground, sheet, contenders, big, [{ step: '1 byte before 1 GiB', make: insert }], runs)

  const wire = (step: string): number | undefined => sheet.get(step, ours)?.wire
  sheet.limit('1 file new: bytes', wire('1 file new'), 8192 + 20_000)
  sheet.ratio('1,000 appended to', ours, '1,000 appended to', 'rsync -a', 'wire', 1.2)
  sheet.ratio('1,000 files new', ours, '1,000 files new', 'rsync -a', 'wire', 1.2)
  sheet.limit('directory renamed: bytes', wire('directory renamed'), 100_000)
  sheet.limit('directory renamed: seconds', sheet.get('directory renamed', ours)?.wall, 2)
  sheet.limit('1 byte before 1 GiB: bytes', wire('1 byte before 1 GiB'), 2_000_000)
  sheet.print()
}

/** Makes a copy by each contender, then each edit, which all have to follow. */
async function follow(
  ground: Ground,
  sheet: Sheet,
  contenders: readonly Contender[],
  tree: string,
  edits: readonly Edit[],
  runs: number,
): Promise<void> {
  const copies = contenders.map((_, n) => ground.empty(`copies/${n}`))
  for (const [n, contender] of contenders.entries()) {
    contender.forget?.(tree, copies[n]!)
    // Through the pipe too: a contender may tell the same directory, near and far, for two.
    for (const step of ['first', 'second'])
      await sheet.note(step, contender.name, inStep(ground, contender, tree, copies[n]!, true))
  }
  for (let run = 0; run < runs; run++) {
    for (const { step, make } of edits) {
      await make()
      warm(tree)
      for (const [n, contender] of contenders.entries())
        await sheet.note(step, contender.name, inStep(ground, contender, tree, copies[n]!, true))
    }
  }
  for (const [n, contender] of contenders.entries()) contender.forget?.(tree, copies[n]!)
  rmSync(ground.at('copies'), { recursive: true, force: true })
}
