import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { measure, row, warm, type Cost } from './measure.ts'
import { MirrorServers, type Traffic } from './mirror-servers.ts'
import { randomSource } from './trees.ts'

/*
 * One origin and its mirrors, against rsync: node bench/mirror.ts PLACE [FILES]
 *
 * In PLACE (some 5 GB) it makes a tree of FILES files (300,000), publishes it, and serves it by nginx and by an
 * rsync daemon through proxies that count bytes. After each change the origin is published again and three
 * mirrors follow: tidemark over HTTP, tidemark over rsync, and rsync -a --delete. Tidemark runs as users have it:
 * the built package's command (npm run build first). Bytes are those beyond the content that changed.
 */

const [place, count = '300000'] = process.argv.slice(2)
if (place === undefined) {
  console.error('usage: node bench/mirror.ts PLACE [FILES]')
  process.exit(2)
}
const files = Number(count)
const origin = join(place, 'origin')
const program = join(import.meta.dirname, '../dist/cli/main.js')
const tidemark = (...args: string[]): string[] => [process.execPath, program, ...args]
const random = randomSource(files)

const nameOf = (n: number): string => `${Math.floor(n / 10_000)}/${Math.floor(n / 100) % 100}/file-${n}.txt`

/** Gives a file new content; returns its length. */
function write(n: number): number {
  const content = Array.from({ length: 20 + (random() % 60) }, () => random().toString(36)).join(' ')
  writeFileSync(join(origin, nameOf(n)), content)
  return content.length
}

function makeTree(): void {
  if (existsSync(join(place!, 'made'))) return
  for (let n = 0; n < files; n++) {
    if (n % 100 === 0) mkdirSync(join(origin, nameOf(n), '..'), { recursive: true })
    write(n)
  }
  writeFileSync(join(place!, 'made'), '')
}

/** Spreads `count` changes over the tree. */
const spread = (count: number): number[] =>
  Array.from({ length: count }, (_, n) => Math.floor(((n + 0.5) * files) / count))

function print(label: string, cost: Cost, reference?: Cost, traffic?: Traffic, content = 0): void {
  const { wall, cpu, megabytes } = cost
  const ratio = reference === undefined ? '' : `x${(wall / reference.wall).toFixed(3)}`
  const bytes = traffic === undefined ? ['', ''] : [String(traffic.requests), String(traffic.bytes - content)]
  console.log(row(label, [wall, cpu, megabytes.toFixed(0), ratio, ...bytes]))
}

async function follow(servers: MirrorServers, step: string, content: number): Promise<void> {
  const target = (name: string): string => join(place!, name)
  print(`${step}: publish --once`, measure(place!, tidemark('publish', origin, '--once')))
  for (const name of ['origin', 'by-rsync']) warm(target(name))
  await servers.traffic()
  const excludes = ['--exclude=/.tidemark/', '--exclude=/RECENT*']
  const rsync = measure(place!, ['rsync', '-a', '--delete', ...excludes, servers.rsync, target('by-rsync')])
  const ofRsync = (await servers.traffic()).rsync
  for (const [name, source] of [
    ['http', servers.http],
    ['rsync', servers.rsync],
  ] as const) {
    const cost = measure(place!, tidemark('mirror', source, target(`over-${name}`), '--once'))
    print(`${step}: mirror over ${name}`, cost, rsync, (await servers.traffic())[name], content)
  }
  print(`${step}: rsync -a --delete`, rsync, rsync, ofRsync, content)
}

/** Processor seconds that a process has taken so far. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function seen(path: string, content: string): Promise<void> {
  for (let n = 0; n < 6000; n++) {
    if (existsSync(path) && readFileSync(path, 'utf8') === content) return
    await setTimeout(5)
  }
  throw new Error(`${path} did not arrive within 30 s`)
}

/** A mirror and an origin that keep running: what idling costs, and how long a change takes to get through. */
async function watch(servers: MirrorServers): Promise<void> {
  const target = join(place!, 'over-http')
  const [command, ...args] = tidemark('mirror', servers.http, target, '--watch')
  const [, ...publish] = tidemark('publish', origin)
  const mirror = spawn(command!, args, { stdio: 'ignore' })
  const publisher = spawn(command!, publish, { stdio: 'ignore' })
  try {
    // Both begin with a look at the whole tree.
    for (let n = 0; n < 5; n++) {
      writeFileSync(join(origin, 'first'), `first ${n}`)
      await seen(join(target, 'first'), `first ${n}`)
    }
    await servers.traffic()
    const before = cpuOf(mirror)
    await setTimeout(10_000)
    const { requests, bytes } = (await servers.traffic()).http
    const cpu = (1000 * (cpuOf(mirror) - before)) / requests
    console.log(
      `idle mirror: ${requests} requests in 10 s, ${(bytes / requests).toFixed(0)} bytes and ${cpu.toFixed(1)} ms CPU each`,
    )
    const delays: number[] = []
    for (let n = 0; n < 31; n++) {
      await setTimeout(400 + (random() % 700))
      const started = performance.now()
      writeFileSync(join(origin, 'first'), `change ${n}`)
      await seen(join(target, 'first'), `change ${n}`)
      delays.push(performance.now() - started)
    }
    delays.sort((a, b) => a - b)
    console.log(`change to visible: median ${delays[15]!.toFixed(0)} ms, worst ${delays[30]!.toFixed(0)} ms`)
  } finally {
    for (const child of [mirror, publisher]) {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    }
  }
}

makeTree()
const servers = await MirrorServers.start(join(place, 'servers'), origin)
try {
  console.log(
    row(`${files} files: step`, ['wall s', 'CPU s', 'RSS MB', 'wall/rsync', 'requests', 'extra bytes']),
  )
  await follow(servers, 'first', 0)
  await follow(servers, 'nothing changed', 0)
  for (const changes of [1, 100, 5000]) {
    const content = spread(changes).reduce((sum, n) => sum + write(n), 0)
    await follow(servers, `${changes} changes`, content)
  }
  for (const n of spread(5000)) rmSync(join(origin, nameOf(n)))
  await follow(servers, '5000 deletes', 0)

  const damaged = spread(12).slice(1, 11)
  const content = damaged.reduce((sum, n) => sum + readFileSync(join(origin, nameOf(n))).length, 0)
  for (const n of damaged) writeFileSync(join(place, 'over-http', nameOf(n)), 'damaged')
  await servers.traffic()
  const cost = measure(place, tidemark('mirror', servers.http, join(place, 'over-http'), '--verify'))
  print('10 damaged: mirror --verify', cost, undefined, (await servers.traffic()).http, content)
  for (const n of damaged) {
    const [here, there] = ['origin', 'over-http'].map((name) => readFileSync(join(place, name, nameOf(n))))
    if (!here!.equals(there!)) throw new Error(`${nameOf(n)} was not repaired`)
  }
  await watch(servers)
} finally {
  await servers.stop()
}
