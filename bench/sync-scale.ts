import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { row } from './measure.ts'
import { Ground, type Run } from './sync/ground.ts'
import { memoryOf, start, stop } from './sync/processes.ts'
import { arrives, type Watching } from './sync/watcher.ts'

/*
 * What sync costs as trees grow: node bench/sync-scale.ts PLACE FILES [STEP…] (npm run build first)
 *
 * In PLACE, which wants 9 KB for each file, it makes a tree of FILES files of a few bytes, 500 in a directory (all in
 * one with WIDE=1), beside one of twenty, by which what does not grow is told apart. Both are kept for the next
 * call, as are the copies, so that the steps can be taken one at a time; a first copy comes before the others. HISTORY
 * is `none` or `kept`. Two processes do it, one on each side of a pipe in the place of ssh.
 */

const [placeText, filesText = '', ...named] = process.argv.slice(2)
const files = Number(filesText)
if (placeText === undefined || !(files > 0))
  throw new Error('usage: node bench/sync-scale.ts PLACE FILES [STEP…]')
const isWide = process.env['WIDE'] === '1'
const history = process.env['HISTORY'] === 'kept' ? 'kept' : 'none'
const place = join(resolve(placeText), `${files}${isWide ? '-wide' : ''}-${history}`)
mkdirSync(place, { recursive: true })
const ground = new Ground(place, 1)
const inDirectory = isWide ? Infinity : 500
/** A tenth of the files stand in it. */
const tenth = 'tenth'

interface Pair {
  readonly files: number
  readonly tree: string
  readonly copy: string
}

function pathOf(n: number, count: number): string {
  if (isWide) return `f${n}`
  const directory = `d${Math.floor(n / inDirectory)}`
  return join(n < count / 10 ? tenth : 'rest', directory, `f${n}`)
}

function makePair(count: number): Pair {
  const at = join(place, `of-${count}`)
  const pair = { files: count, tree: join(at, 'tree'), copy: join(at, 'copy') }
  if (existsSync(join(at, 'made'))) return pair
  rmSync(at, { recursive: true, force: true })
  for (const path of [pair.tree, pair.copy]) mkdirSync(path, { recursive: true })
  for (let n = 0; n < count; n++) {
    const path = join(pair.tree, pathOf(n, count))
    if (n === 0 || (!isWide && (n % inDirectory === 0 || n === Math.ceil(count / 10))))
      mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, `${n}\n`)
  }
  writeFileSync(join(at, 'made'), '')
  return pair
}

function command({ tree, copy }: Pair, ...more: readonly string[]): string[] {
  return [ground.at('bin/tidemark'), '-q', 'sync', '--history', history, tree, `ssh://peer${copy}`, ...more]
}

function tell(label: string, wall: number, cpu: number | undefined, near: number, far: number): void {
  console.log(row(label, [wall, cpu ?? '', near.toFixed(0), far.toFixed(0)]))
}

/** Takes a step with few files and with all, and tells what each file more costs in memory. */
async function withBoth(name: string, step: (pair: Pair) => Promise<Run>): Promise<void> {
  const sides: [number, number][] = []
  for (const pair of [few, all]) {
    const { wall, cpu, megabytes, farMegabytes = 0 } = await step(pair)
    tell(`${name}, ${pair.files}`, wall, cpu, megabytes, farMegabytes)
    sides.push([megabytes, farMegabytes])
  }
  tellEach(name, sides)
}

function tellEach(name: string, [less, more]: readonly (readonly [number, number])[]): void {
  const each = [0, 1].map((side) => ((more![side]! - less![side]!) * 1024 ** 2) / (files - few.files))
  console.log(row(`  ${name}: bytes a file`, ['', '', each[0]!.toFixed(0), each[1]!.toFixed(0)]))
}

const once = (pair: Pair): Promise<Run> => ground.run(command(pair), { piped: true })

function append({ tree, files: count }: Pair): void {
  writeFileSync(join(tree, pathOf(Math.floor(count / 2), count)), `changed ${Date.now()}\n`)
}

/** Most and present memory in MB of the two processes of a watch, this side's first. */
interface Sides {
  readonly peak: [number, number]
  readonly now: [number, number]
}

async function watch(pair: Pair): Promise<Sides> {
  const child = start(command(pair, '--watch'), { env: { ...process.env, ...ground.env } })
  const watching: Watching = {
    isRunning: () => child.exitCode === null && child.signalCode === null,
    usage: () => ({ cpu: 0, megabytes: 0 }),
    stop: () => stop(child),
  }
  const memory = (): Sides => {
    const [near, far] = memoryOf(child)
    return { peak: [near!.peak, far?.peak ?? 0], now: [near!.now, far?.now ?? 0] }
  }
  const change = async (n: number): Promise<number> => {
    const path = pathOf(Math.floor((pair.files * n) / 10), pair.files)
    const content = `change ${n} ${Date.now()}`
    writeFileSync(join(pair.tree, path), content)
    return (await arrives(watching, join(pair.copy, path), content)) / 1000
  }
  try {
    const began = performance.now()
    await change(0)
    const say = (what: string, wall: number): void => {
      const { now } = memory()
      tell(`watch, ${pair.files}: ${what}`, wall, undefined, now[0], now[1])
    }
    say('until the first change is there', (performance.now() - began) / 1000)
    await sleep(2000)
    say('second change', await change(1))
    const delays: number[] = []
    for (let n = 2; n < 9; n++) {
      await sleep(300)
      delays.push(await change(n))
    }
    say('one change, median of 7', delays.toSorted((x, y) => x - y)[3]!)
    say('one change, longest of 7', Math.max(...delays))
    if (!isWide) {
      const [from, to] = [join(pair.tree, tenth), join(pair.tree, `${tenth}-moved`)]
      const moved = performance.now()
      const there = join(pair.copy, `${tenth}-moved`)
      renameSync(from, to)
      while (!existsSync(there) && watching.isRunning()) await sleep(10)
      say('a directory of a tenth renamed', (performance.now() - moved) / 1000)
      say('a change after that', await change(9))
      renameSync(to, from)
      while (existsSync(there) && watching.isRunning()) await sleep(10)
      say('and a change after its way back', await change(9))
    }
    await sleep(3000)
    return memory()
  } finally {
    await watching.stop()
  }
}

const steps: Readonly<Record<string, () => Promise<void>>> = {
  first: () =>
    withBoth('first copy', async (pair) => {
      rmSync(pair.copy, { recursive: true, force: true })
      rmSync(join(pair.tree, '.tidemark'), { recursive: true, force: true })
      mkdirSync(pair.copy)
      return once(pair)
    }),
  again: () => withBoth('nothing changed', once),
  one: () =>
    withBoth('one change', (pair) => {
      append(pair)
      return once(pair)
    }),
  status: () =>
    withBoth('status', async ({ tree }) => {
      const script = 'cd "$1" && { tidemark status > /dev/null || [ $? = 1 ]; }'
      return ground.run(['sh', '-c', script, 'sh', tree])
    }),
  async watch() {
    const sides = [await watch(few), await watch(all)]
    tellEach(
      'watch, at the end',
      sides.map(({ now }) => now),
    )
    tellEach(
      'watch, at most',
      sides.map(({ peak }) => peak),
    )
  },
}

const few = makePair(20)
const all = makePair(files)
spawnSync('sync')
console.log(row(`${files} files, history ${history}`, ['wall s', 'CPU s', 'RSS MB', 'far MB']))
for (const name of named.length > 0 ? named : Object.keys(steps)) {
  const step = steps[name]
  if (step === undefined) throw new Error(`${name}: not one of ${Object.keys(steps).join(', ')}`)
  await step()
}
process.exit()
