import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Stream as StreamOf } from '../../../src/stream/index.ts'
import { RecordedDisk } from '../../suites/recorded-disk.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'
import { runs } from './texts.ts'

interface Reported {
  readonly moment: number
  readonly name: string
  readonly content: string
}

/** Lines of which some change: a state that is lost in the middle would show. */
function text(i: number): string {
  return Array.from({ length: 30 }, (_, line) => `line ${line} ${i - ((i + line) % 7)}\n`).join('')
}

test('after a power cut at any moment every reported version is there', async (t) => {
  const root = memoryDirectory(t)
  const place = memoryDirectory(t)
  const disk = new RecordedDisk(root)
  // Now that it is noted what they do.
  const { Stream } = await import('../../../src/stream/index.ts')
  let now = Date.UTC(2026, 0, 1)
  const open = (at: string): StreamOf => new Stream(at, 's', { zone: 'utc', clock: () => (now += 400) })

  const reported: Reported[] = []
  let number = 0
  const record = async (stream: StreamOf, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const content = text(number++)
      const { version } = await stream.record(content)
      reported.push({ moment: disk.length, name: version, content })
    }
  }
  // One that is killed, one that is not, one that records once, and one that goes on.
  const killed = open(root)
  await record(killed, 9)
  const closed = open(root)
  await record(closed, 40)
  await closed.close()
  const short = open(root)
  await record(short, 1)
  await short.close()
  const last = open(root)
  await record(last, 12)

  let cuts = 0
  await fc.assert(
    fc.asyncProperty(fc.nat(disk.length), fc.infiniteStream(fc.nat(999)), async (moment, numbers) => {
      const at = join(place, String(cuts++))
      const random = (): number => numbers.next().value / 1000
      disk.afterPowerCut(moment, at, random)
      const expected = reported.filter((version) => version.moment <= moment)
      const texts = new Set(Array.from({ length: number }, (_, i) => text(i)))

      const reader = open(at)
      await assertThere(reader, expected)
      const newest = await (await reader.latest())?.text()
      assert.ok(expected.length === 0 || texts.has(newest!), 'the newest version is whole')
      if (expected.length > 0)
        assert.ok(!expected.slice(0, -1).some(({ content }) => content === newest), 'and not an older one')
      for (const path of namesOfFull(at)) assert.ok(texts.has(readFileSync(path, 'utf8')), `${path} is whole`)

      const writer = open(at)
      await writer.record('and on\n')
      await writer.close()
      assert.deepEqual((await writer.check()).problems, [])
      await assertThere(writer, expected)
      assert.equal(readFileSync(join(at, 's/latest.txt'), 'utf8'), 'and on\n')
      assert.deepEqual(
        readdirSync(join(at, 's')).filter((file) => file.startsWith('.new-')),
        [],
      )
      rmSync(at, { recursive: true })
    }),
    runs(40),
  )
  await killed.close()
  await last.close()
})

/** What other programs read: if it is there, it is a version. */
function namesOfFull(at: string): string[] {
  try {
    const latest = join(at, 's/latest')
    const names = readdirSync(latest).map((file) => join(latest, file))
    return readdirSync(join(at, 's')).includes('latest.txt') ? [...names, join(at, 's/latest.txt')] : names
  } catch {
    return []
  }
}

async function assertThere(stream: StreamOf, expected: readonly Reported[]): Promise<void> {
  for (const { name, content } of expected) assert.equal(await (await stream.version(name)).text(), content)
  const problems = expected.length === 0 ? [] : (await stream.check()).problems
  assert.deepEqual(
    // What was not reported may have left a name that the next writer removes.
    problems.filter((problem) => !problem.startsWith('latest')),
    [],
  )
}
