import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeSmallFiles, randomSource } from '../trees.ts'
import { isChosen } from './contender.ts'
import type { Ground } from './ground.ts'
import { line, Sheet } from './sheet.ts'
import {
  arrives,
  lsyncd,
  repeatingUnison,
  settle,
  syncthing,
  upTidemark,
  watchingTidemark,
  type Watcher,
} from './watcher.ts'

/** Two writes are this far apart, from when the one before is there; milliseconds, evenly spread. */
const [shortest, longest] = [50, 450]

/**
 * From a write on one side until the other has it, 10,000 files, both sides watching; WRITES (200) writes to files
 * here and there.
 */
export async function latency(ground: Ground): Promise<void> {
  const files = ground.count(10_000)
  const writes = Number(process.env['WRITES'] ?? 200)
  const tree = ground.at('few/tree')
  makeSmallFiles(tree, files, 1024, 4096)
  const contenders: readonly Watcher[] = [
    watchingTidemark(ground, 'kept', false),
    watchingTidemark(ground, 'none', false),
    watchingTidemark(ground, 'kept', true),
    upTidemark(ground, 'kept'),
    lsyncd(ground, 'direct'),
    lsyncd(ground, 'rsync'),
    repeatingUnison(ground),
    syncthing(ground),
  ]
  const sheet = new Sheet('latency')
  const medians = new Map<string, number>()
  const heads = ['median ms', '99 % ms', 'worst ms', 'CPU ms each', 'RSS MB']
  console.log(line(`latency, ${files} files, ${writes} writes`, heads))
  for (const contender of contenders) {
    if (!isChosen(contender.name)) continue
    const measured = await measureDelays(ground, contender, tree, files, writes).catch((error: unknown) =>
      console.log(`${contender.name}: ${String(error)}`),
    )
    if (measured === undefined) continue
    const { delays, cpu, megabytes } = measured
    const at = (part: number): number =>
      delays[Math.min(delays.length - 1, Math.floor(part * delays.length))]!
    medians.set(contender.name, at(0.5))
    const figures = [at(0.5), at(0.99), at(1)].map((value) => value.toFixed(1))
    console.log(line(contender.name, [...figures, ((cpu / writes) * 1000).toFixed(1), megabytes.toFixed(0)]))
    if (!contender.name.startsWith('tidemark')) continue
    sheet.limit(`${contender.name}: median ms`, at(0.5), 60)
    sheet.limit(`${contender.name}: 99 % ms`, at(0.99), 300)
  }
  sheet.print()
}

interface Delays {
  /** Milliseconds, ascending. */
  readonly delays: readonly number[]
  readonly cpu: number
  readonly megabytes: number
}

async function measureDelays(
  ground: Ground,
  contender: Watcher,
  tree: string,
  files: number,
  writes: number,
): Promise<Delays> {
  const [a, b] = [ground.at('pair/a'), ground.at('pair/b')]
  for (const path of [a, b]) rmSync(path, { recursive: true, force: true })
  mkdirSync(ground.at('pair'), { recursive: true })
  for (const path of [a, b]) execFileSync('cp', ['-a', tree, path])
  const watching = await contender.start(a, b)
  try {
    await settle(watching, a, b)
    const random = randomSource(7)
    const delays: number[] = []
    const before = watching.usage().cpu
    for (let n = 0; n < writes; n++) {
      await sleep(shortest + (random() % (longest - shortest)))
      const file = random() % files
      const path = `${Math.floor(file / 10_000)}/${Math.floor(file / 100) % 100}/file-${file}.dat`
      const content = `write ${n} `.repeat(100 + n)
      writeFileSync(join(a, path), content)
      delays.push(await arrives(watching, join(b, path), content))
    }
    const { cpu, megabytes } = watching.usage()
    return { delays: delays.toSorted((x, y) => x - y), cpu: cpu - before, megabytes }
  } finally {
    await watching.stop()
  }
}
