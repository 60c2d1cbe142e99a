/**
 * Set reconciliation: cells per difference over many trials, the time to encode and decode, and the same task done by
 * negentropy (as nostr-tools has it), @peerbit/riblt and mathsync's algorithm. Prints Markdown tables.
 * Takes about a minute; with `--all` about nine, for the peers at a million items.
 */
import { execFile } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cellsOf, maxHits } from '../src/reconcile/mapping.ts'
import {
  cellsFor,
  general,
  identify,
  large,
  peel,
  plainKernel,
  Sketch,
  sketchKey,
  wasmKernel,
  type Profile,
} from '../src/reconcile/index.ts'
import type { PeerResult } from './reconcile-peers.ts'

const all = process.argv.includes('--all')
const profiles = [general, large]

function randomDigests(count: number): Uint8Array {
  const bytes = new Uint8Array(32 * count)
  for (let at = 0; at < bytes.length; at += 2 ** 26)
    randomFillSync(bytes, at, Math.min(2 ** 26, bytes.length - at))
  return bytes
}

function row(...columns: readonly (string | number)[]): void {
  console.log(`| ${columns.join(' | ')} |`)
}

function header(...columns: string[]): void {
  row(...columns)
  row(...columns.map(() => '---'))
}

// Cells per difference ------------------------------------------------------------------------------------------------

/**
 * The smallest prefix from which a difference of `count` random ids decodes: cells are taken in one after the other, and
 * ids that are alone in a cell taken out, as `peel` does it.
 */
function cellsNeeded(profile: Profile, count: number): number {
  const key = sketchKey(randomFillSync(new Uint8Array(16)))
  const ids = new Int32Array(2 * count)
  identify(key, new Int32Array(randomDigests(count).buffer), 0, count, ids)
  for (let size = 4 * count + 64; ; size *= 4) {
    const needed = firstDecodable(profile, ids, size)
    if (needed !== undefined) return needed
  }
}

function firstDecodable(profile: Profile, ids: Int32Array, size: number): number | undefined {
  const count = ids.length / 2
  const hits = new Int32Array(maxHits)
  const cellsOfId: Int32Array[] = []
  /** How many ids are left in a cell, and the XOR of their numbers. */
  const left = new Int32Array(size)
  const sum = new Int32Array(size)
  for (let id = 0; id < count; id++) {
    const reached = cellsOf(profile, ids[2 * id]!, ids[2 * id + 1]!, size, hits)
    const cells = oddOnly(hits.slice(0, reached))
    cellsOfId.push(cells)
    for (const cell of cells) {
      left[cell]!++
      sum[cell]! ^= id
    }
  }
  const done = new Uint8Array(count)
  let found = 0
  for (let cell = 0; cell < size; cell++) {
    const pending = [cell]
    while (pending.length > 0) {
      const at = pending.pop()!
      const id = sum[at]!
      if (left[at] !== 1 || done[id] === 1) continue
      done[id] = 1
      found++
      for (const other of cellsOfId[id]!) {
        left[other]!--
        sum[other]! ^= id
        if (other <= cell && left[other] === 1) pending.push(other)
      }
    }
    if (found === count) return cell + 1
  }
  return undefined
}

function oddOnly(hits: Int32Array): Int32Array {
  hits.sort()
  const kept: number[] = []
  for (const cell of hits) {
    if (kept.at(-1) === cell) kept.pop()
    else kept.push(cell)
  }
  return Int32Array.from(kept)
}

console.log('\n### Cells per difference\n')
header('profile', 'differences', 'trials', 'mean', 'p50', 'p99', 'most', 'bytes a difference')
for (const profile of profiles) {
  for (const [count, trials] of [
    [1, 400],
    [2, 2000],
    [10, 2000],
    [30, 1000],
    [100, 2000],
    [500, 500],
    [1000, 400],
    [10_000, 200],
    [100_000, all ? 12 : 5],
  ] as const) {
    const cells = Array.from({ length: trials }, () => cellsNeeded(profile, count) / count)
    cells.sort((a, b) => a - b)
    const mean = cells.reduce((sum, each) => sum + each, 0) / trials
    const at = (share: number): string => cells[Math.ceil(share * trials) - 1]!.toFixed(3)
    row(profile.name, count, trials, mean.toFixed(3), at(0.5), at(0.99), at(1), (12 * mean).toFixed(1))
  }
}

// Time ----------------------------------------------------------------------------------------------------------------

/** The shortest of some runs, in milliseconds. */
function quickest(runs: number, work: () => void): number {
  let best = Infinity
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    work()
    best = Math.min(best, performance.now() - start)
  }
  return best
}

/** The least CPU of some runs, in milliseconds: other work on the machine does not count. Not for short ones. */
function leastCpu(runs: number, work: () => void): number {
  let best = Infinity
  for (let run = 0; run < runs; run++) {
    const start = process.threadCpuUsage()
    work()
    const { user, system } = process.threadCpuUsage(start)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

console.log('\n### Encoding a million digests, and decoding, in milliseconds of CPU on one thread\n')
header('profile', 'differences', 'cells', 'encode, plain', 'encode, WebAssembly', 'decode', 'cells a change')
const million = randomDigests(1_000_000)
const salt = randomFillSync(new Uint8Array(16))
for (const profile of profiles) {
  for (const count of [1, 100, 1000, 10_000, 100_000]) {
    const size = cellsFor(count, profile)
    const encode = (kernel: typeof plainKernel): number =>
      leastCpu(3, () => new Sketch({ salt, size, profile, kernel }).addAll(million))
    const difference = new Sketch({ salt, size, profile }).addAll(randomDigests(count))
    const decode = quickest(9, () => peel(difference))
    const wasm = wasmKernel()
    row(
      profile.name,
      count,
      size,
      encode(plainKernel).toFixed(0),
      wasm === undefined ? '–' : encode(wasm).toFixed(0),
      decode.toFixed(2),
      averageHits(profile, size).toFixed(1),
    )
  }
}

function averageHits(profile: Profile, size: number): number {
  const ids = new Int32Array(randomDigests(500).buffer)
  const hits = new Int32Array(maxHits)
  let sum = 0
  for (let at = 0; at < ids.length; at += 2) sum += cellsOf(profile, ids[at]!, ids[at + 1]!, size, hits)
  return (2 * sum) / ids.length
}

// Peers ---------------------------------------------------------------------------------------------------------------

const run = promisify(execFile)
const child = fileURLToPath(new URL('reconcile-peers.ts', import.meta.url))

async function measure(peer: string, size: number, differences: number): Promise<PeerResult | undefined> {
  try {
    const { stdout } = await run(
      process.execPath,
      ['--max-old-space-size=8192', child, peer, `${size}`, `${differences}`],
      { timeout: 150_000 },
    )
    return JSON.parse(stdout) as PeerResult
  } catch {
    return undefined
  }
}

/** What is left out without --all, and what takes minutes or never ends at any rate. */
function feasible(peer: string, size: number, differences: number): boolean {
  if (peer === 'mathsync') return size <= 10_000 && differences <= 1000
  if (peer === 'peerbit') return differences <= 10_000 && (all || size < 1_000_000)
  return peer === 'tidemark' || all || size <= 10_000 || (size <= 100_000 && differences <= 1000)
}

console.log('\n### The same task by others: 32-byte ids, differences scattered, half on each side\n')
console.log(
  'Bytes both ways / round trips / CPU ms of both sides (and to take the sets in). – : not run, or beyond 150 s.\n',
)
const peers = ['tidemark', 'negentropy', 'peerbit', 'mathsync']
header('items', 'differences', ...peers)
const sizes = all ? [1000, 10_000, 100_000, 1_000_000] : [1000, 10_000, 100_000]
for (const size of sizes) {
  const counts = size === 1000 ? [0, 200] : [0, 1, 10, 100, 1000, 10_000, 100_000]
  for (const differences of counts.filter((count) => count <= size)) {
    const cells: string[] = []
    for (const peer of peers) {
      const result = feasible(peer, size, differences) ? await measure(peer, size, differences) : undefined
      if (result === undefined) cells.push('–')
      else {
        const { bytes, roundTrips, cpu, setUp } = result
        cells.push(`${bytes} / ${roundTrips} / ${cpu.toFixed(0)} (${setUp.toFixed(0)})`)
      }
    }
    row(size, differences, ...cells)
  }
}
