import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSmallFiles } from '../trees.ts'
import { chosen, inStep, isChosen, rsync, tidemark, unison } from './contender.ts'
import { append } from './edits.ts'
import type { Ground, Run } from './ground.ts'
import { Sheet } from './sheet.ts'
import { arrives, settle, watchingTidemark } from './watcher.ts'

/** Beside this few the memory of all files is seen. */
const few = 1000

/** A million files of 100 bytes: how memory grows with them on both sides, and how long one change takes. */
export async function million(ground: Ground): Promise<void> {
  const files = ground.count(1_000_000)
  const [all, some] = [ground.at('million/tree'), ground.at('thousand/tree')]
  makeSmallFiles(all, files, 100, 100)
  makeSmallFiles(some, few, 100, 100)
  const sheet = new Sheet(`${files} files of 100 bytes`)
  for (const contender of chosen([tidemark(ground, 'none'), rsync, unison(ground)])) {
    for (const [tree, size] of [
      [some, few],
      [all, files],
    ] as const) {
      const b = ground.empty('copy')
      contender.forget?.(tree, b)
      const step = (name: string): Promise<boolean> =>
        sheet.note(`${size} files, ${name}`, contender.name, inStep(ground, contender, tree, b, true))
      await step('first')
      await step('nothing changed')
      append(tree, size, 1)
      await step('one change')
      contender.forget?.(tree, b)
    }
  }
  for (const name of ['first', 'nothing changed', 'one change']) {
    const [less, more] = [few, files].map((size) => sheet.get(`${size} files, ${name}`, 'tidemark none'))
    if (less === undefined || more === undefined) continue
    const perFile = (of: (run: Run) => number | undefined): number =>
      (((of(more) ?? 0) - (of(less) ?? 0)) * 1024 ** 2) / (files - few)
    sheet.limit(
      `${name}: bytes of memory a file, this side`,
      perFile(({ megabytes }) => megabytes),
      300,
    )
    sheet.limit(
      `${name}: bytes of memory a file, far side`,
      perFile(({ farMegabytes }) => farMegabytes),
      300,
    )
  }
  if (isChosen('tidemark')) await watch(ground, sheet, all, files)
  sheet.print()
}

async function watch(ground: Ground, sheet: Sheet, a: string, files: number): Promise<void> {
  const b = ground.empty('copy')
  const watching = await watchingTidemark(ground, 'none', true).start(a, b)
  try {
    await settle(watching, a, b)
    const delays: number[] = []
    for (let n = 0; n < 7; n++) {
      writeFileSync(join(a, 'probe'), `change ${n}`)
      delays.push(await arrives(watching, join(b, 'probe'), `change ${n}`))
    }
    sheet.limit('one change while watching: seconds', delays.toSorted((x, y) => x - y)[3]! / 1000, 1)
    const bytes = (watching.usage().megabytes * 1024 ** 2) / files
    sheet.limit('watching: bytes of memory a file, both sides, all included', bytes, 600)
  } catch (error) {
    console.log(`watching: ${String(error)}`)
  } finally {
    await watching.stop()
  }
}
