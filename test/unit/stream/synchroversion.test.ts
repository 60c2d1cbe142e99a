import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { Stream, type StreamEvent } from '../../../src/stream/index.ts'
import { requireTools } from '../../suites/standard-tools.ts'
import { oldLatest, oldRecord, oldReplay } from '../../suites/synchroversion.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const samples = join(import.meta.dirname, '../../golden/synchroversion')
const zone = 'utc'

/** A copy of a sample. Hard links are not kept in a repository: they are made again. */
function copySample(t: TestContext, sample: string, name: string): string {
  const root = temporaryDirectory(t)
  cpSync(join(samples, sample), root, { recursive: true })
  const place = join(root, name)
  const last = readdirSync(join(place, 'latest')).toSorted().at(-1)!
  const [full, named] = [join(place, 'latest', last), join(place, 'latest.txt')]
  if (readFileSync(full).equals(readFileSync(named))) {
    rmSync(named)
    linkSync(full, named)
  }
  return root
}

async function contents(stream: Stream): Promise<string[]> {
  const texts: string[] = []
  for (const version of await stream.versions()) texts.push(await version.text())
  return texts
}

suite('directories of the old program', () => {
  test('a sample of six versions: every version is read', async (t) => {
    const stream = new Stream(copySample(t, 'normal-6-execs', 'syslog'), 'syslog', { zone })
    const expected = [1, 2, 3, 4, 5, 6].map((i) => readFileSync(join(samples, `c${i}`), 'utf8'))
    assert.deepEqual(await contents(stream), expected)
    assert.equal(await (await stream.latest())?.text(), 'back\n')
    assert.equal(await (await stream.at(Date.UTC(2026, 10, 21, 20, 29, 50)))?.text(), expected[1])
    assert.equal(await (await stream.at(Date.UTC(2026, 10, 21, 20, 29, 49)))?.text(), expected[0])
    assert.equal(await stream.at(Date.UTC(2026, 10, 21, 20, 29, 47)), undefined)
  })

  test('it goes on under ours, and ours under it', async (t) => {
    if (!requireTools(t, 'diff', 'patch')) return
    const root = copySample(t, 'normal-6-execs', 'syslog')
    await using stream = new Stream(root, 'syslog', { zone, clock: () => Date.UTC(2026, 10, 21, 21) })
    const { version } = await stream.record('back\nand on\n')
    assert.equal(version, '20261121-210000')
    assert.equal(oldLatest(root, 'syslog').toString(), 'back\nand on\n')
    oldRecord(root, 'syslog', Buffer.from('old once more\n'), { stamp: '20261121-210001' })
    await stream.record('ours again\n')
    const all = await contents(stream)
    assert.deepEqual(all.slice(5), ['back\n', 'back\nand on\n', 'old once more\n', 'ours again\n'])
    const replayed = oldReplay(root, 'syslog', temporaryDirectory(t))
    assert.deepEqual(replayed.map(String), all)
    assert.equal(readdirSync(join(root, 'syslog', 'latest')).length, 2)
  })

  test('a version lost in a collision is found in latest.txt and recorded', async (t) => {
    const root = copySample(t, 'same-second-collision', 'c')
    const events: StreamEvent[] = []
    await using stream = new Stream(root, 'c', { zone, log: (event) => events.push(event) })
    assert.deepEqual(await contents(stream), ['A\n'])
    const { changed } = await stream.record('A\nB\nC\n')
    assert.equal(changed, false)
    assert.deepEqual(
      events.map(({ event }) => event),
      ['recovered', 'recorded', 'unchanged'],
    )
    assert.deepEqual(await contents(stream), ['A\n', 'A\nB\nC\n'])
    assert.equal(oldLatest(root, 'c').toString(), 'A\nB\nC\n')
  })

  test('contents that were taken for binary: read while they are kept in full, and gone on from', async (t) => {
    const root = copySample(t, 'binary', 'b')
    await using stream = new Stream(root, 'b', { zone })
    const [first, second] = ['20261121-203042', '20261121-203043'].map((name) =>
      readFileSync(join(samples, 'binary/b/latest', `${name}.txt`), 'latin1'),
    )
    assert.deepEqual(await contents(stream), [first, second])
    for (let i = 0; i < 40; i++) await stream.record(Buffer.from(`x\0y ${i}\n`))
    await stream.close()
    const versions = await stream.versions()
    assert.equal(versions.length, 42)
    await assert.rejects(versions[0]!.bytes(), { code: 'missing' })
    for (const [i, version] of versions.slice(2).entries()) assert.equal(await version.text(), `x\0y ${i}\n`)
    assert.ok(readdirSync(join(root, 'b', 'archive')).length > 0)
  })

  test('it goes on behind a power cut that took the names of the newest version', async (t) => {
    const root = temporaryDirectory(t)
    const texts = ['a\nb\nc\n', 'a\nb\nC\n', 'A\nb\nc\n', 'new\n'] as const
    await using before = new Stream(root, 's', { zone, clock: () => Date.UTC(2026, 0, 1) })
    for (const text of texts.slice(0, 2)) await before.record(text)
    const after = join(root, 'after')
    cpSync(join(root, 's'), join(after, 's'), { recursive: true })
    for (const directory of ['state', 'latest']) {
      const file = readdirSync(join(after, 's', directory))
        .toSorted()
        .at(-1)!
      rmSync(join(after, 's', directory, file))
    }
    writeFileSync(join(after, 's/latest.txt'), texts[0])
    assert.deepEqual(await contents(new Stream(after, 's', { zone })), texts.slice(0, 2))
    oldRecord(after, 's', Buffer.from(texts[2]), { stamp: '20260102-000000' })

    await using stream = new Stream(after, 's', { zone })
    await stream.record(texts[3])
    // What the old program went on from comes between.
    assert.deepEqual(await contents(stream), [texts[0], texts[1], texts[0], texts[2], texts[3]])
    assert.deepEqual((await stream.check()).problems, [])
  })

  for (const stopAfter of ['state', 'full', 'unlink'] as const) {
    test(`killed after the step "${stopAfter}": the version is finished`, async (t) => {
      const root = temporaryDirectory(t)
      oldRecord(root, 's', Buffer.from('one\n'), { stamp: '20260101-000000' })
      oldRecord(root, 's', Buffer.from('one\ntwo\n'), { stamp: '20260101-000001', stopAfter })
      await using stream = new Stream(root, 's', { zone })
      assert.deepEqual(await contents(stream), ['one\n', 'one\ntwo\n'])
      assert.equal((await stream.record('one\ntwo\n')).changed, false)
      assert.equal(readFileSync(join(root, 's/latest.txt'), 'utf8'), 'one\ntwo\n')
      assert.equal(oldLatest(root, 's').toString(), 'one\ntwo\n')
      assert.equal(readdirSync(join(root, 's/state')).length, 2)
    })
  }

  test('a change that it wrote twice after being killed', async (t) => {
    const root = temporaryDirectory(t)
    oldRecord(root, 's', Buffer.from('one\n'), { stamp: '20260101-000000' })
    oldRecord(root, 's', Buffer.from('one\ntwo\n'), { stamp: '20260101-000001', stopAfter: 'state' })
    oldRecord(root, 's', Buffer.from('one\n2\n3\n'), { stamp: '20260101-000002' })
    for (let i = 3; i < 30; i++) {
      oldRecord(root, 's', Buffer.from(`one\n2\n3\n${i}\n`), {
        stamp: `20260101-0000${String(i).padStart(2, '0')}`,
      })
    }
    await using stream = new Stream(root, 's', { zone })
    const expected = ['one\n', 'one\ntwo\n', 'one\n2\n3\n', 'one\n2\n3\n3\n', 'one\n2\n3\n4\n']
    assert.deepEqual((await contents(stream)).slice(0, 5), expected)
    await stream.record('end\n')
    await stream.close()
    assert.ok(existsSync(join(root, 's/archive')))
    assert.deepEqual((await contents(stream)).slice(0, 5), expected)
  })

  test('a full disk left a full copy without its diff', async (t) => {
    const root = temporaryDirectory(t)
    oldRecord(root, 's', Buffer.from('one\n'), { stamp: '20260101-000000' })
    oldRecord(root, 's', Buffer.from('two\n'), { stamp: '20260101-000001' })
    rmSync(join(root, 's/state/20260101-000001.txt'))
    await using stream = new Stream(root, 's', { zone })
    await stream.record('three\n')
    assert.deepEqual(await contents(stream), ['one\n', 'two\n', 'three\n'])
  })

  test('its temporary files go when they are old', async (t) => {
    const root = copySample(t, 'normal-6-execs', 'syslog')
    const [file, other] = [join(root, 'syslog/syslogAb3dE6'), join(root, 'syslog/syslog-notes')]
    writeFileSync(file, 'x')
    writeFileSync(other, 'x')
    const later = (): number => statSync(file).mtimeMs + 2 * 86_400_000
    await using stream = new Stream(root, 'syslog', { zone, clock: later })
    await stream.record('x\n')
    assert.ok(!existsSync(file))
    assert.ok(existsSync(other))
  })
})
