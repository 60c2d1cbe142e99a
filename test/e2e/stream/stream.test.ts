import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stream } from '../../../src/stream/index.ts'
import { requireTool } from '../../require.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { faultOf, selfChecking } from './self-checking.ts'

const times = Number(process.env['TIDEMARK_FUZZ'] ?? '1')

function start(
  script: string,
  ...args: (string | number)[]
): { child: ChildProcessByStdio<Writable, Readable, null>; output: () => string } {
  const path = join(import.meta.dirname, script)
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  return { child, output: () => output }
}

/** A pseudo-random number below `below`, the same in every run. */
let state = 20261121
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  return Math.floor(((state >>> 0) / 2 ** 32) * below)
}

suite('a writer that is killed', () => {
  test('every reported version is there, latest.txt is whole, the next writer goes on', async (t) => {
    const root = temporaryDirectory(t)
    const reported = new Set<number>()
    let next = 0
    for (let round = 0; round < Math.ceil(12 * times) || reported.size <= 20; round++) {
      const { child, output } = start('writer-process.ts', root, 'killed', 'w', next, 10_000, 300, 0)
      while (output() === '') await sleep(5)
      await sleep(random(250))
      child.kill('SIGKILL')
      await once(child, 'close')
      for (const line of output().split('\n').slice(0, -1)) reported.add(Number(line))
      assert.equal(faultOf(readFileSync(join(root, 'killed', 'latest.txt'))), undefined)
      next = Math.max(...reported) + 1 + (round % 2)
    }
    await using stream = new Stream(root, 'killed')
    await stream.record('the end\n')
    const report = await stream.check()
    assert.deepEqual(report.problems, [])
    const found = new Set<number>()
    for (const version of (await stream.versions()).slice(0, -1)) {
      const content = await version.bytes()
      assert.equal(faultOf(content), undefined)
      found.add(Number(/ (\d+)\n/.exec(content.toString('latin1', 65, 200))![1]))
    }
    assert.deepEqual(
      [...reported].filter((number) => !found.has(number)),
      [],
    )
    // It may be making a pack, under a name of its own.
    await stream.close()
    assert.deepEqual(readdirSync(join(root, 'killed')).toSorted(), [
      '.lock',
      'archive',
      'latest',
      'latest.txt',
      'state',
    ])
  })
})

suite('several at once', () => {
  test('producers in processes of their own lose nothing', async (t) => {
    const root = temporaryDirectory(t)
    const writers = ['a', 'b', 'c', 'd'].map((writer) =>
      start('writer-process.ts', root, 'shared', writer, 0, 15, 50, 0),
    )
    await Promise.all(writers.map(({ child }) => once(child, 'close')))
    const stream = new Stream(root, 'shared')
    const contents = new Set<string>()
    for (const version of await stream.versions()) contents.add(await version.text())
    for (const [i, writer] of ['a', 'b', 'c', 'd'].entries()) {
      assert.equal(writers[i]!.output().split('\n').length, 16)
      for (let number = 0; number < 15; number++) assert.ok(contents.has(selfChecking(writer, number, 50)))
    }
    assert.equal(contents.size, 60)
    assert.deepEqual((await stream.check()).problems, [])
  })

  test('100 readers poll while one writer records 20 versions a second', async (t) => {
    const root = temporaryDirectory(t)
    await using stream = new Stream(root, 'polled')
    await stream.record(selfChecking('w', 0, 2000))
    await stream.close()
    const readers = [1, 2, 3, 4].map(() => start('reader-process.ts', root, 'polled', 25, 40))
    while (readers.some(({ output }) => output() === '')) await sleep(5)
    const versions = Math.ceil(80 * times)
    const writer = start('writer-process.ts', root, 'polled', 'w', 1, versions, 2000, 50)
    await once(writer.child, 'close')
    for (const { child } of readers) child.stdin.end()
    await Promise.all(readers.map(({ child }) => once(child, 'close')))
    assert.equal(writer.output().split('\n').length, versions + 1)
    const total = { reads: 0, missing: 0, empty: 0, torn: 0, back: 0, versions: 0 }
    for (const { output } of readers) {
      const counts = JSON.parse(output().split('\n')[1]!) as typeof total
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key]
    }
    t.diagnostic(JSON.stringify(total))
    assert.ok(total.reads >= 100 && total.versions > 100, JSON.stringify(total))
    assert.deepEqual(
      { ...total, reads: 0, versions: 0 },
      { reads: 0, missing: 0, empty: 0, torn: 0, back: 0, versions: 0 },
    )
  })
})

function manyLines(i: number): string {
  return `${i}\n`.repeat(20_000)
}

suite('a disk that is full', () => {
  test('refuses the version, keeps the others, and goes on when there is room', async (t) => {
    const place = temporaryDirectory(t)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place]).status === 0
    if (!requireTool(t, mounted, 'a small tmpfs can be mounted')) return
    try {
      await fillUp(place)
    } finally {
      spawnSync('umount', [place])
    }
  })
})

async function fillUp(place: string): Promise<void> {
  await using stream = new Stream(place, 'full', { retain: 1 })
  const recorded: string[] = []
  await assert.rejects(
    async () => {
      for (let i = 0; i < 100; i++) {
        await stream.record(manyLines(i))
        recorded.push(manyLines(i))
      }
    },
    { code: 'full' },
  )
  assert.ok(recorded.length > 0)
  const contents = await Promise.all((await stream.versions()).map((version) => version.text()))
  assert.deepEqual(contents, recorded)
  assert.equal(readFileSync(join(place, 'full', 'latest.txt'), 'utf8'), recorded.at(-1))
  assert.deepEqual(
    readdirSync(join(place, 'full')).filter((file) => file.startsWith('.tmp-')),
    [],
  )

  // A disk with no room for the smallest file is full for good: nothing is broken by trying again and again.
  const filler = join(place, 'filler')
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    try {
      writeFileSync(filler, Buffer.alloc(size), { flag: 'a' })
    } catch {
      // As far as it goes.
    }
  }
  for (let i = 0; i < 5; i++) await assert.rejects(stream.record(`small ${i}`.repeat(3000)), { code: 'full' })
  assert.equal(readFileSync(join(place, 'full', 'latest.txt'), 'utf8'), recorded.at(-1))
  rmSync(filler)
  await stream.record('small')
  assert.deepEqual(await (await stream.latest())?.text(), 'small')
  assert.deepEqual((await stream.check()).problems, [])
}
