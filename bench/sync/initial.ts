import { readdirSync } from 'node:fs'
import { warm } from '../measure.ts'
import { makeSmallFiles } from '../trees.ts'
import { chosen, inStep, isChosen, rsync, tidemark, unison, type History } from './contender.ts'
import type { Ground, Run } from './ground.ts'
import { machineCpu } from './processes.ts'
import { Sheet } from './sheet.ts'
import { SyncthingPair } from './syncthing.ts'
import { TwoMachines } from './two-machines.ts'

/** The first copy of 100,000 files of 4 to 16 KiB, to an empty directory; near, and through a pipe as ssh's. */
export async function initial(ground: Ground, runs: number): Promise<void> {
  const files = ground.count(100_000)
  const a = ground.at('small/tree')
  makeSmallFiles(a, files, 4096, 16_384)
  const sheet = new Sheet(`initial, ${files} files`)
  const contenders = chosen([tidemark(ground, 'none'), tidemark(ground, 'kept'), rsync, unison(ground)])
  for (let n = 0; n < runs; n++) {
    for (const step of ['local', 'piped']) {
      for (const contender of contenders) {
        const b = ground.empty('copy')
        contender.forget?.(a, b)
        warm(a)
        const run = inStep(ground, contender, a, b, step === 'piped')
        if (await sheet.note(step, contender.name, run)) checkCopy(a, b)
        contender.forget?.(a, b)
      }
    }
    for (const history of ['none', 'kept'] as const) {
      const name = `tidemark ${history}`
      if (isChosen(name)) await sheet.note('TLS', name, byTls(ground, a, history))
    }
    if (isChosen('syncthing')) await sheet.note('TLS', 'syncthing', bySyncthing(ground, a, files))
  }
  for (const step of ['local', 'piped']) {
    sheet.ratio(step, 'tidemark none', step, 'rsync -a', 'wall', 1.3)
    sheet.ratio(step, 'tidemark none', step, 'rsync -a', 'cpu', 1.5)
    sheet.ratio(step, 'tidemark kept', step, 'rsync -a', 'wall', 2)
    sheet.ratio(step, 'tidemark kept', step, 'rsync -a', 'cpu', 2)
    for (const ours of ['tidemark none', 'tidemark kept'])
      sheet.ratio(step, ours, step, 'unison', 'wall', 0.15)
  }
  for (const ours of ['tidemark none', 'tidemark kept']) {
    sheet.ratio('TLS', ours, 'TLS', 'syncthing', 'wall', 0.5)
    sheet.ratio('TLS', ours, 'piped', 'rsync -a', 'wall', ours.endsWith('none') ? 1.3 : 2)
  }
  sheet.print()
}

/** One serves, and the other fetches; from the start of both. */
async function byTls(ground: Ground, a: string, history: History): Promise<Run> {
  const b = ground.empty('copy')
  tidemark(ground, history).forget!(a, b)
  const machines = await TwoMachines.pair(ground)
  warm(a)
  const [before, started] = [machineCpu(), performance.now()]
  try {
    await machines.serve(a, history)
    const run = await machines.sync(b, history)
    const wall = (performance.now() - started) / 1000
    const far = machines.usage()
    const cpu = run.cpu + far.cpu
    checkCopy(a, b)
    return {
      ...run,
      wall,
      cpu,
      farMegabytes: far.megabytes,
      others: Math.max(0, machineCpu() - before - cpu),
    }
  } finally {
    await machines.stop()
    tidemark(ground, history).forget!(a, b)
  }
}

/** From the start of both until both say that they have everything. */
async function bySyncthing(ground: Ground, a: string, files: number): Promise<Run> {
  const b = ground.empty('copy')
  const pair = await SyncthingPair.configure(ground.at('syncthing'), a, b)
  warm(a)
  const [before, started] = [machineCpu(), performance.now()]
  pair.start()
  await pair.inStep(files)
  const wall = (performance.now() - started) / 1000
  const [near, far] = pair.usage()
  const machine = machineCpu() - before
  const wire = await pair.wire()
  await pair.stop()
  const cpu = near!.cpu + far!.cpu
  const [megabytes, farMegabytes] = [near!.megabytes, far!.megabytes]
  return { wall, cpu, megabytes, farMegabytes, wire, others: Math.max(0, machine - cpu) }
}

function checkCopy(a: string, b: string): void {
  const [here, there] = [a, b].map((path) => readdirSync(path, { recursive: true }).filter(isOfTree).length)
  if (here !== there) throw new Error(`${b} has ${there} entries, not ${here}`)
}

function isOfTree(path: string | Buffer): boolean {
  return !String(path).startsWith('.tidemark')
}
