import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer, request as ask } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Origin } from '../src/mirror/origin/origin.ts'
import { publishOnce } from '../src/mirror/origin/publish.ts'
import { measure, row, type Cost } from './measure.ts'

/*
 * What a mirror and an origin cost as trees grow: node bench/mirror-scale.ts PLACE FILES [CHANGES]
 *
 * In PLACE it makes a tree of FILES files of 64 bytes (4 KB each on the disk) and publishes it as of nine days ago. It
 * prints what one change and 5,000 deletes cost the origin, with what is held in memory; the most memory that a mirror holds, over HTTP
 * from nginx, when it fetches everything, when nothing is new, and when it is a week behind with CHANGES changes in that
 * week (100,000 if not said), a change an hour or more; and of that last how often, and how much of, each index was
 * read. Build before (npm run build). A million files take some 10 GB and ten minutes.
 */

const [placeText, filesText = '30000', changesText = '100000'] = process.argv.slice(2)
if (placeText === undefined) throw new Error('usage: node bench/mirror-scale.ts PLACE FILES [CHANGES]')
const place = resolve(placeText)
const files = Number(filesText)
const changes = Math.min(files, Number(changesText))
const [tree, copy] = [join(place, 'tree'), join(place, 'copy')]
const pathOf = (i: number): string => `d${Math.floor(i / 500)}/f${i}`
const hour = 3_600_000

function write(i: number): void {
  if (i % 500 === 0) mkdirSync(join(tree, `d${i / 500}`), { recursive: true })
  writeFileSync(join(tree, pathOf(i)), randomBytes(64))
}

/** As if it were another time: the clock, and the times of index files, by which merging goes. */
async function publishAt(now: number): Promise<number> {
  let microseconds = now * 1000
  const producer = { now: () => (microseconds++ / 1e6).toFixed(6), names: { $0: 'bench' } }
  const indexes = (): string[] => readdirSync(tree).filter((name) => /^RECENT-.*\.yaml$/.test(name))
  const start = performance.now()
  await publishOnce(tree, { producer })
  const took = performance.now() - start
  for (const name of indexes()) {
    const path = join(tree, name)
    if (statSync(path).mtimeMs > Date.now() - 60_000) utimesSync(path, now / 1000, now / 1000)
  }
  return took
}

/** What one change costs an origin that runs, apart from the wait for more. */
async function changeCost(): Promise<{ wall: number; cpu: number }> {
  const origin = await Origin.open(tree)
  try {
    await origin.check(new Map([['d0', new Set(['f0'])]]))
    const times = 100
    const [cpu, start] = [process.cpuUsage(), performance.now()]
    for (let i = 0; i < times; i++) {
      write((i * 7919) % files)
      const [directory = '', name = ''] = pathOf((i * 7919) % files).split('/')
      await origin.check(new Map([[directory, new Set([name])]]))
    }
    const wall = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    return { wall: wall / times, cpu: (user + system) / 1000 / times }
  } finally {
    origin.close()
  }
}

/** Seconds that the origin takes to tell of so many deletes at once, after they were made. */
async function deletesCost(count: number): Promise<number> {
  const origin = await Origin.open(tree)
  try {
    await origin.check(new Map([['d0', new Set(['f0'])]]))
    const gone = Array.from({ length: count }, (_, i) => Math.floor((i * files) / count))
    const places = new Map<string, Set<string>>()
    for (const i of gone) {
      rmSync(join(tree, pathOf(i)))
      const [directory = '', name = ''] = pathOf(i).split('/')
      places.set(directory, (places.get(directory) ?? new Set()).add(name))
    }
    const start = performance.now()
    await origin.check(places)
    const seconds = (performance.now() - start) / 1000
    for (const i of gone) write(i)
    await origin.check(places)
    return seconds
  } finally {
    origin.close()
  }
}

interface Reads {
  times: number
  bytes: number
}

/** Passes requests on to nginx and counts those for indexes. */
async function counted(port: number): Promise<{ url: string; reads: Map<string, Reads> }> {
  const reads = new Map<string, Reads>()
  const server = createServer((request, response) => {
    const { url = '/', headers } = request
    const onward = ask({ port, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      const read = reads.get(url) ?? { times: 0, bytes: 0 }
      if (url.startsWith('/RECENT')) reads.set(url, read)
      read.times++
      answer.on('data', (piece: Uint8Array) => (read.bytes += piece.length))
      answer.pipe(response)
    })
    onward.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, reads }
}

const built = join(import.meta.dirname, '../dist/cli/main.cjs')
const program = existsSync(built) ? built : join(import.meta.dirname, '../src/cli/main.ts')
const follow = (url: string): string[] => [process.execPath, program, 'mirror', '-q', url, copy]

function say(label: string, { wall, cpu, megabytes }: Cost): void {
  console.log(row(label, [wall, cpu, String(Math.round(megabytes))]))
}

rmSync(place, { recursive: true, force: true })
mkdirSync(join(place, 'nginx'), { recursive: true })
for (let i = 0; i < files; i++) write(i)
const began = Date.now() - 9 * 24 * hour
console.log(`first listing of ${files} files: ${((await publishAt(began)) / 1000).toFixed(1)} s`)

const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((name) => `${name}_temp_path ${join(place, 'nginx', name)};`)
  .join(' ')
const port = 18_081
writeFileSync(
  join(place, 'nginx.conf'),
  `daemon off; master_process off; pid ${place}/nginx.pid; error_log ${place}/nginx.log; events {}
   http { access_log off; ${scratch} keepalive_requests 1000000;
     server { listen 127.0.0.1:${port}; root ${tree}; } }\n`,
)
const nginx = spawn('nginx', ['-c', join(place, 'nginx.conf'), '-e', join(place, 'nginx.log')], {
  stdio: 'ignore',
})
try {
  await sleep(500)
  const direct = `http://127.0.0.1:${port}/`
  console.log(row('', ['wall s', 'CPU s', 'RSS MB']))
  say(`mirror: first copy of ${files}`, measure(place, follow(direct)))
  await sleep(2500)
  measure(place, follow(direct))
  say('mirror: nothing new', measure(place, follow(direct)))

  const steps = Math.min(168, changes)
  const step = Math.ceil(changes / steps)
  for (let i = 0; i < steps; i++) {
    for (let n = i * step; n < Math.min(changes, (i + 1) * step); n++) write((n * 7919) % files)
    await publishAt(began + (i + 1) * hour)
  }
  const { url, reads } = await counted(port)
  const report = join(place, 'time')
  const child = spawn('/usr/bin/time', ['-o', report, '-f', '%e %U %S %M', ...follow(url)])
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error(`the mirror ended with ${code}`)
  const [wall, user, system, kilobytes] = readFileSync(report, 'utf8').trim().split(' ').map(Number)
  say(`mirror: a week, ${changes} changes behind`, {
    wall: wall!,
    cpu: user! + system!,
    megabytes: kilobytes! / 1024,
  })
  for (const [path, { times, bytes }] of reads) {
    const size = statSync(join(tree, path), { throwIfNoEntry: false })?.size ?? 0
    console.log(`  ${path}: ${times} requests, ${bytes} of ${size} bytes`)
  }
  const each = await changeCost()
  console.log(`origin: one change: ${each.wall.toFixed(2)} ms, ${each.cpu.toFixed(2)} ms of processor time`)
  const deletes = Math.min(5000, files)
  console.log(`origin: ${deletes} deletes at once: ${(await deletesCost(deletes)).toFixed(2)} s`)
  console.log(`origin: memory ${Math.round(process.memoryUsage().rss / 1024 / 1024)} MB (with all of this)`)
} finally {
  nginx.kill()
}
process.exit()
