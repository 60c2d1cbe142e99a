import { setTimeout as sleep } from 'node:timers/promises'
import { warm } from '../measure.ts'
import { makeSmallFiles } from '../trees.ts'
import { chosen, inStep, isChosen, rsync, tidemark, unison } from './contender.ts'
import type { Ground } from './ground.ts'
import { Sheet } from './sheet.ts'
import { settle, watchingTidemark } from './watcher.ts'

/** Seconds that nothing happens. */
const idle = Number(process.env['IDLE'] ?? 60)

/** Both sides of 100,000 files are in step already: what it costs to find that out, and to wait for a change. */
export async function nothing(ground: Ground, runs: number): Promise<void> {
  const files = ground.count(100_000)
  const a = ground.at('small/tree')
  makeSmallFiles(a, files, 4096, 16_384)
  const sheet = new Sheet(`nothing changed, ${files} files`)
  const contenders = chosen([tidemark(ground, 'none'), tidemark(ground, 'kept'), rsync, unison(ground)])
  for (const contender of contenders) {
    const b = ground.empty('copy')
    contender.forget?.(a, b)
    for (const step of ['local', 'piped']) {
      const isPiped = step === 'piped'
      for (const before of ['first', 'second'])
        await sheet.note(`${step}, ${before}`, contender.name, inStep(ground, contender, a, b, isPiped))
      for (let n = 0; n < runs; n++) {
        warm(a)
        warm(b)
        await sheet.note(step, contender.name, inStep(ground, contender, a, b, isPiped))
      }
    }
    contender.forget?.(a, b)
  }
  for (const step of ['local', 'piped'])
    for (const ours of ['tidemark none', 'tidemark kept'])
      sheet.ratio(step, ours, step, 'rsync -a', 'wall', 1)
  if (isChosen('tidemark')) await watchIdly(ground, sheet, a)
  sheet.print()
}

/** A minute in which nothing happens, and what one change costs then. */
async function watchIdly(ground: Ground, sheet: Sheet, a: string): Promise<void> {
  const b = ground.empty('copy')
  tidemark(ground, 'none').forget!(a, b)
  const watching = await watchingTidemark(ground, 'none', true).start(a, b)
  try {
    await settle(watching, a, b)
    await sleep(3000)
    const [bytes, { cpu }] = [ground.wire(), watching.usage()]
    await sleep(idle * 1000)
    sheet.limit(`watching, ${idle} s: bytes`, ground.wire() - bytes, 1000)
    sheet.limit(`watching, ${idle} s: CPU s of both sides`, watching.usage().cpu - cpu, 0.05)
  } catch (error) {
    console.log(`watching: ${String(error)}`)
  } finally {
    await watching.stop()
    tidemark(ground, 'none').forget!(a, b)
  }
}
