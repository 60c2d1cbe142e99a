import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { row } from './measure.ts'

/*
 * From a write at an origin to the same bytes in a mirror, both watching, over HTTP on loopback:
 * node bench/propagation.ts [CHANGES] (npm run build first). Once served by the origin itself, where the mirror is
 * told; once by nginx, where it looks each second.
 */

const changes = Number(process.argv[2] ?? 31)
const program = join(import.meta.dirname, '../dist/cli/main.cjs')
const place = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
const children: ChildProcess[] = []

function start(...command: string[]): ChildProcess {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  return child
}

async function stop(): Promise<void> {
  for (const child of children.splice(0).toReversed()) {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}

async function arrives(path: string, content: string): Promise<void> {
  for (let n = 0; n < 20_000; n++) {
    if (existsSync(path) && readFileSync(path, 'utf8') === content) return
    await sleep(2)
  }
  throw new Error(`${path} did not arrive`)
}

/** Milliseconds, in ascending order. */
async function measure(name: string, serve: (origin: string) => Promise<string>): Promise<number[]> {
  const [origin, mirror] = [join(place, name, 'origin'), join(place, name, 'mirror')]
  mkdirSync(origin, { recursive: true })
  for (let n = 0; n < 1000; n++) writeFileSync(join(origin, `file ${n}`), `content ${n}`)
  const url = await serve(origin)
  start(process.execPath, program, 'mirror', url, mirror, '--watch')
  const file = join(origin, 'watched')
  // The first ones pay for beginnings.
  const delays: number[] = []
  for (let n = -3; n < changes; n++) {
    await sleep(1000 + Math.random() * 1000)
    const started = performance.now()
    writeFileSync(file, `change ${n}`)
    await arrives(join(mirror, 'watched'), `change ${n}`)
    if (n >= 0) delays.push(performance.now() - started)
  }
  await stop()
  return delays.toSorted((a, b) => a - b)
}

async function serveItself(origin: string): Promise<string> {
  const child = start(process.execPath, program, 'publish', origin, '--listen', '18085')
  await once(child.stderr!, 'data')
  return 'http://127.0.0.1:18085/'
}

async function serveByNginx(origin: string): Promise<string> {
  start(process.execPath, program, 'publish', origin)
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(place, kind)};`)
    .join(' ')
  const config = join(place, 'nginx.conf')
  const server = `server { listen 127.0.0.1:18086; root "${origin}"; }`
  const log = join(place, 'nginx.log')
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${place}/pid; error_log ${log}; events {}
     http { access_log off; ${scratch} ${server} }\n`,
  )
  start('nginx', '-c', config, '-e', log)
  await sleep(500)
  return 'http://127.0.0.1:18086/'
}

try {
  console.log(row('milliseconds from write to visible', ['median', '90 %', 'worst']))
  for (const [name, serve] of [
    ['served by the origin itself', serveItself],
    ['served by nginx', serveByNginx],
  ] as const) {
    const delays = await measure(name, serve)
    const at = (part: number): string =>
      delays[Math.min(delays.length - 1, Math.floor(part * delays.length))]!.toFixed(0)
    console.log(row(name, [at(0.5), at(0.9), at(1)]))
  }
} finally {
  await stop()
  rmSync(place, { recursive: true, force: true })
}
