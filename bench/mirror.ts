import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Mirror } from '../src/mirror/follow/mirror.ts'
import { parseLocation } from '../src/mirror/transport/location.ts'
import { row } from './measure.ts'

/*
 * Following an origin against rsync -a --delete: node bench/mirror.ts PLACE [FILES]
 *
 * In PLACE (on one file system; 2 GB for 300,000 files) it makes a tree of FILES files of 1 KB, publishes it, and
 * serves it with nginx and an rsync daemon on loopback. Then 0, 1, 100 and 5,000 files change, and each contender
 * brings its copy up to date: a mirror that runs, one that is started for it (over HTTP and over rsync), and rsync
 * itself. Bytes are those that go through a relay between both sides, in both directions, headers and all, less the
 * content; in a mirror that runs processor time is its own, of others that of all their processes on this side.
 * Caches are warm. Build before (npm run build), so that the command starts as an installed one does.
 */

const [placeText, filesText = '300000'] = process.argv.slice(2)
if (placeText === undefined) throw new Error('usage: node bench/mirror.ts PLACE [FILES]')
const place = resolve(placeText)
const files = Number(filesText)
const size = 1024
const children: ChildProcess[] = []

const tree = join(place, 'tree')
const built = join(import.meta.dirname, '../dist/cli/main.cjs')
const program = existsSync(built) ? built : join(import.meta.dirname, '../src/cli/main.ts')
const pathOf = (i: number): string => `d${Math.floor(i / 500)}/f${i}`

function makeTree(): void {
  if (existsSync(tree)) return
  for (let i = 0; i < files; i++) {
    if (i % 500 === 0) mkdirSync(join(tree, `d${i / 500}`), { recursive: true })
    writeFileSync(join(tree, pathOf(i)), randomBytes(size))
  }
}

interface Relay {
  readonly port: number
  /** Bytes that have gone by, in both directions. */
  readonly bytes: () => Promise<number>
}

/** Relays connections to `port` and counts what goes by: in a process of its own, so that no contender pays for it. */
async function relay(port: number): Promise<Relay> {
  const child = fork(join(import.meta.dirname, 'relay.ts'), [String(port)])
  children.push(child)
  const ask = async (): Promise<number> => {
    child.send('?')
    return ((await once(child, 'message')) as [number])[0]
  }
  const [own] = (await once(child, 'message')) as [number]
  return { port: own, bytes: ask }
}

async function serve(): Promise<{ http: number; rsync: number }> {
  const [http, rsync] = [18_080, 18_873]
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(place, 'nginx', name)};`)
    .join(' ')
  mkdirSync(join(place, 'nginx'), { recursive: true })
  writeFileSync(
    join(place, 'nginx.conf'),
    `daemon off; master_process off; pid ${place}/nginx.pid; error_log ${place}/nginx.log; events {}
     http { access_log off; ${scratch} keepalive_requests 1000000;
       server { listen 127.0.0.1:${http}; root ${tree}; } }\n`,
  )
  writeFileSync(
    join(place, 'rsyncd.conf'),
    `use chroot = no\nuid = ${process.getuid?.()}\ngid = ${process.getgid?.()}\n[tree]\npath = ${tree}\nread only = yes\n`,
  )
  children.push(
    spawn('nginx', ['-c', join(place, 'nginx.conf'), '-e', join(place, 'nginx.log')], { stdio: 'ignore' }),
  )
  const daemon = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${rsync}`]
  children.push(spawn('rsync', [...daemon, `--config=${join(place, 'rsyncd.conf')}`], { stdio: 'ignore' }))
  await sleep(500)
  return { http, rsync }
}

interface Cost {
  readonly wall: number
  readonly cpu: number
  readonly bytes: number
  readonly megabytes: number
}

/** Runs a command; its processes on this side are its own and its children. */
async function run(command: readonly string[], bytes: Relay['bytes']): Promise<Cost> {
  const report = join(place, 'time')
  const before = await bytes()
  const child = spawn('/usr/bin/time', ['-o', report, '-f', '%e %U %S %M', ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`)
  const [wall, user, system, kilobytes] = readFileSync(report, 'utf8').trim().split(' ').map(Number)
  return { wall: wall!, cpu: user! + system!, bytes: (await bytes()) - before, megabytes: kilobytes! / 1024 }
}

async function running(mirror: Mirror, bytes: Relay['bytes']): Promise<Cost> {
  const before = await bytes()
  const [cpu, start] = [process.cpuUsage(), performance.now()]
  await mirror.catchUp()
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    wall,
    cpu: (user + system) / 1e6,
    bytes: (await bytes()) - before,
    megabytes: process.memoryUsage().rss / 1024 / 1024,
  }
}

/** So that all find the same: each copy's directory entries and state in memory, whoever looked at them last. */
function warm(name: string): void {
  spawnSync('find', [join(place, name), '-newermt', '2100-01-01'])
  const state = join(place, name, '.tidemark/mirror.db')
  if (existsSync(state)) readFileSync(state)
}

function change(count: number): number {
  if (count === 0) return 0
  for (let i = 0; i < count; i++) {
    const path = pathOf(Math.floor((i * files) / count))
    writeFileSync(join(tree, path), randomBytes(size))
  }
  return publish()
}

/** By a process of its own, so that the mirror that runs here has only its own memory. */
function publish(): number {
  const start = performance.now()
  const { status } = spawnSync(process.execPath, [program, 'publish', '-q', '--once', tree], {
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`publish ended with ${status}`)
  return (performance.now() - start) / 1000
}

makeTree()
publish()
const ports = await serve()
const [http, rsync] = [await relay(ports.http), await relay(ports.rsync)]
const [webUrl, rsyncUrl] = [`http://127.0.0.1:${http.port}/`, `rsync://127.0.0.1:${rsync.port}/tree/`]
const once1 = (source: string, to: string): string[] => [
  process.execPath,
  program,
  'mirror',
  '-q',
  source,
  join(place, to),
]

try {
  const signal = new AbortController().signal
  const start = performance.now()
  const mirror = new Mirror({ source: parseLocation(webUrl, '/'), directory: join(place, 'running'), signal })
  await mirror.catchUp()
  console.log(`first copy of ${files} files over HTTP: ${((performance.now() - start) / 1000).toFixed(1)} s`)
  await mirror.close()
  for (const name of ['web', 'rsync', 'plain']) {
    if (!existsSync(join(place, name))) spawnSync('cp', ['-a', join(place, 'running'), join(place, name)])
  }
  rmSync(join(place, 'plain/.tidemark'), { recursive: true, force: true })
  const again = new Mirror({ source: parseLocation(webUrl, '/'), directory: join(place, 'running'), signal })
  await run(once1(webUrl, 'web'), http.bytes)
  await run(once1(rsyncUrl, 'rsync'), rsync.bytes)
  const plain = ['rsync', '-a', '--delete', '--exclude=/.tidemark', rsyncUrl, `${join(place, 'plain')}/`]
  await run(plain, rsync.bytes)
  // Web servers tell times in whole seconds.
  await sleep(2500)
  await again.catchUp()
  console.log(row('', ['changes', 'wall s', 'CPU s', 'bytes +', 'each', 'RSS MB', '/ rsync']))
  for (const count of [0, 1, 100, 5000]) {
    const publishing = change(Math.min(count, files))
    const contenders: readonly (readonly [label: string, copy: string, () => Promise<Cost>])[] = [
      ['rsync -a --delete', 'plain', () => run(plain, rsync.bytes)],
      ['mirror, running, HTTP', 'running', () => running(again, http.bytes)],
      ['mirror, one-shot, HTTP', 'web', () => run(once1(webUrl, 'web'), http.bytes)],
      ['mirror, one-shot, rsync', 'rsync', () => run(once1(rsyncUrl, 'rsync'), rsync.bytes)],
    ]
    let reference = 0
    for (const [label, copy, contend] of contenders) {
      warm(copy)
      // Nobody pays for what another has not written yet.
      spawnSync('sync')
      const cost = await contend()
      reference ||= cost.wall
      const over = cost.bytes - count * size
      console.log(
        row(label, [
          String(count),
          cost.wall,
          cost.cpu,
          String(over),
          count === 0 ? '' : String(Math.round(over / count)),
          String(Math.round(cost.megabytes)),
          `1/${(reference / cost.wall).toFixed(1)}`,
        ]),
      )
    }
    console.log(row('(publish --once: a look at all)', [String(count), publishing]))
  }
  for (const differences of [0, 10]) {
    // Half of them on the disk, half in what the mirror believes to be listed.
    for (let i = 0; i < differences / 2; i++) {
      writeFileSync(join(place, 'running', pathOf(i)), randomBytes(size))
      again.state.items.settle({ path: `never-there-${i}`, epoch: '1', detail: 'l x', round: 1 })
    }
    const before = await http.bytes()
    const { items, proven, broken } = await again.verify()
    const bytes = (await http.bytes()) - before - broken.length * size
    console.log(
      `verify: ${items} items, ${differences} differences, proven ${proven}: ${bytes} bytes beyond repairs`,
    )
  }
  await again.close()
} finally {
  for (const child of children) child.kill()
}
process.exit()
