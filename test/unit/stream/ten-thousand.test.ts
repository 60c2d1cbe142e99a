import assert from 'node:assert/strict'
import fs, { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { sha256Hex } from '../../../src/hash/sha256.ts'
import { stripContext } from '../../../src/stream/diff-changes.ts'
import { buildPack } from '../../../src/stream/pack.ts'
import { mostVersions } from '../../../src/stream/pack-limits.ts'
import { unifiedDiff } from '../../../src/stream/unified-diff.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const count = 10_000

function content(i: number): Buffer {
  const lines = Array.from({ length: 40 }, (_, line) => `line ${line} of ${i - ((i + line) % 40)}\n`)
  return Buffer.from(lines.join(''))
}

function nameOf(i: number): string {
  return new Date(Date.UTC(2026, 0, 1) + 1000 * i)
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .replace('T', '-')
}

/** As many packs as the writer makes of so many versions. */
async function writePacks(archive: string): Promise<void> {
  mkdirSync(archive, { recursive: true })
  let before: Buffer = Buffer.alloc(0)
  for (let first = 0; first < count; first += mostVersions) {
    const numbers = Array.from({ length: Math.min(mostVersions, count - first) }, (_, k) => first + k)
    const diffs: Uint8Array[] = []
    const versions = numbers.map((i) => {
      const text = content(i)
      const diff = stripContext(unifiedDiff(before, text), 'diff')
      diffs.push(diff)
      before = text
      return { name: nameOf(i), hash: sha256Hex(text), contentBytes: text.length, diffBytes: diff.length }
    })
    const pack = await buildPack({ versions, times: numbers, full: content(first), diffs })
    writeFileSync(join(archive, `${nameOf(first)}.tar.zst`), pack)
  }
}

test('any of 10,000 versions is read from one pack: the others are not looked into', async (t) => {
  const root = memoryDirectory(t)
  const archive = join(root, 's/archive')
  await writePacks(archive)
  const sizes = readdirSync(archive).map((file) => statSync(join(archive, file)).size)
  let bytesRead = 0
  const real = fs.readSync
  Object.assign(fs, {
    readSync: (...args: Parameters<typeof real>) => {
      const read = real(...args)
      bytesRead += read
      return read
    },
  })
  syncBuiltinESMExports()
  t.after(() => {
    Object.assign(fs, { readSync: real })
    syncBuiltinESMExports()
  })
  const { Stream } = await import('../../../src/stream/index.ts')

  const stream = new Stream(root, 's', { zone: 'utc' })
  const versions = await stream.versions()
  assert.equal(versions.length, count)
  assert.ok(bytesRead > 0, 'what is read is counted')
  for (const i of [0, 1, 511, 512, 4999, 7777, 9999]) {
    bytesRead = 0
    assert.deepEqual(await versions[i]!.bytes(), content(i))
    assert.ok(bytesRead <= Math.max(...sizes), `version ${i}: ${bytesRead} bytes read`)
  }
  // What was listed once is known.
  bytesRead = 0
  assert.deepEqual(await (await stream.at(Date.UTC(2026, 0, 1) + 1000 * 6000))?.bytes(), content(6000))
  assert.ok(bytesRead <= Math.max(...sizes), `${bytesRead} bytes read`)
})
