import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Stream, type StreamEvent, type Version } from '../../../src/stream/index.ts'
import { requireTools } from '../../suites/standard-tools.ts'
import { oldReplay } from '../../suites/synchroversion.ts'
import { memoryDirectory, temporaryDirectory } from '../../suites/temporary-directory.ts'

const zone = 'utc'

/** A clock that is a second on at each look. */
function steppingClock(): () => number {
  let now = Date.UTC(2026, 0, 1)
  return () => (now += 1000)
}

/** Records versions `0 .. count` of a text of some lines, each with a line changed. */
async function recordMany(stream: Stream | (() => Stream), count: number): Promise<string[]> {
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`)
  const texts: string[] = []
  for (let i = 0; i < count; i++) {
    lines[(i * 7) % lines.length] = `line changed in ${i}`
    if (i % 5 === 0) lines.splice(i % 11, 0, `line added in ${i}`)
    if (i % 6 === 5) lines.splice(i % 13, 1)
    texts.push(lines.join('\n') + (i % 3 === 0 ? '' : '\n'))
    if (stream instanceof Stream) await stream.record(texts.at(-1)!)
    else {
      await using once = stream()
      await once.record(texts.at(-1)!)
    }
  }
  return texts
}

function texts(versions: readonly Version[]): Promise<string[]> {
  return Promise.all(versions.map((version) => version.text()))
}

function noAnswer(): Promise<string> {
  return Promise.reject(new Error('no answer'))
}

suite('a stream', () => {
  test('nothing recorded yet', async (t) => {
    const stream = new Stream(temporaryDirectory(t), 'nothing')
    assert.equal(await stream.latest(), undefined)
    assert.deepEqual(await stream.versions(), [])
    assert.equal((await stream.diff()).length, 0)
    assert.ok(!existsSync(stream.directory))
  })

  test('what is recorded, and in which form it may come', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'forms', { zone, clock: steppingClock() })
    await stream.record('phpversion')
    await stream.record(() => 'from a function\n')
    await stream.record(async () => Buffer.from('from a promise\n'))
    await stream.record(Readable.from(['from ', Buffer.from('a stream\n')]))
    await stream.record(() => new Response('from the web').body!)
    const bytes = new Uint8Array([0, 255, 10, 13])
    await stream.record(bytes)
    bytes.fill(7)
    await stream.record(new Uint8Array([0, 255, 10]))
    const all = await Promise.all((await stream.versions()).map((version) => version.bytes()))
    assert.deepEqual(
      all.map((content) => content.toString('latin1')),
      [
        'phpversion',
        'from a function\n',
        'from a promise\n',
        'from a stream\n',
        'from the web',
        '\0\xff\n\r',
        '\0\xff\n',
      ],
    )
    await assert.rejects(stream.record(['a', 'b'] as unknown as string), { code: 'usage' })
    await assert.rejects(
      stream.record(() => (() => 'twice') as unknown as string),
      { code: 'usage' },
    )
  })

  test('equal contents are one version, an empty one is a version', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'equal', { zone, clock: steppingClock() })
    const first = await stream.record('')
    assert.ok(first.changed)
    assert.equal((await stream.latest())?.name, first.version)
    assert.deepEqual(await stream.record(''), {
      version: first.version,
      changed: false,
      bytes: 0,
      diff: new Uint8Array(0),
    })
    await stream.record('x')
    await stream.record('')
    assert.deepEqual(await texts(await stream.versions()), ['', 'x', ''])
  })

  test('a fetch that fails changes nothing', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'failing', { zone })
    await stream.record('one')
    await assert.rejects(
      stream.record(() => Promise.reject(new Error('no answer'))),
      /no answer/,
    )
    await assert.rejects(
      stream.record(
        (async function* () {
          yield 'half'
          throw new Error('cut off')
        })(),
      ),
      /cut off/,
    )
    assert.deepEqual(await texts(await stream.versions()), ['one'])
    const left = readdirSync(stream.directory).filter((file) => file.startsWith('.tmp-'))
    assert.deepEqual(left, [])
  })

  test('a first fetch that fails leaves nothing, and what was there before', async (t) => {
    const root = temporaryDirectory(t)
    for (const name of ['plain', 'a/nested/one']) {
      await using stream = new Stream(join(root, 'new'), name, { zone })
      await assert.rejects(stream.record(noAnswer), /no answer/)
      assert.deepEqual(readdirSync(root), [])
      assert.equal((await stream.record('afterwards')).changed, true)
      assert.deepEqual(await texts(await stream.versions()), ['afterwards'])
      rmSync(join(root, 'new'), { recursive: true })
    }
    mkdirSync(join(root, 'a'))
    writeFileSync(join(root, 'a/mine'), '')
    await using beside = new Stream(root, 'a/beside', { zone })
    await assert.rejects(beside.record(noAnswer), /no answer/)
    assert.deepEqual(readdirSync(join(root, 'a')), ['mine'])
    mkdirSync(join(root, 'a/empty'))
    await using given = new Stream(root, 'a/empty', { zone })
    await assert.rejects(given.record(noAnswer), /no answer/)
    assert.ok(readdirSync(join(root, 'a')).includes('empty'))
  })

  test('who waits for a writer that leaves nothing records all the same, one at a time', async (t) => {
    const root = temporaryDirectory(t)
    let [inside, most, failed] = [0, 0, 0]
    const records = Array.from({ length: 40 }, async (_, n) => {
      await using stream = new Stream(root, 'contended', { zone, patience: 60_000 })
      const fetch = async (): Promise<string> => {
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setTimeout(resolve, n % 3))
        inside--
        if (n < 30) throw new Error('no answer')
        return `content ${n}`
      }
      await stream.record(fetch).catch((error: unknown) => {
        assert.match(String(error), /no answer/)
        failed++
      })
    })
    await Promise.all(records)
    assert.deepEqual([most, failed], [1, 30])
    await using stream = new Stream(root, 'contended', { zone })
    const expected = Array.from({ length: 10 }, (_, n) => `content ${30 + n}`)
    assert.deepEqual((await texts(await stream.versions())).toSorted(), expected)
  })

  test('names that lead elsewhere, odd names, nested ones', async (t) => {
    const root = temporaryDirectory(t)
    for (const name of ['', '..', '../x', '/x', 'a//b', 'a/../b', 'a\0b', 'a/state', 'a/latest.txt/b']) {
      assert.throws(() => new Stream(root, name), { code: 'usage' }, name)
    }
    for (const name of ['[a]*?', 'with space', "it's", '-n', 'é\n', 'dir/inner', 'state']) {
      await using stream = new Stream(root, name, { zone })
      await stream.record(`content of ${name}`)
      assert.equal(await (await stream.latest())?.text(), `content of ${name}`)
      assert.equal(readFileSync(join(root, name, 'latest.txt'), 'utf8'), `content of ${name}`)
    }
  })

  test('full copies: as many as asked, and latest.txt among them', async (t) => {
    const root = temporaryDirectory(t)
    assert.throws(() => new Stream(root, 'few', { retain: 0 }), { code: 'usage' })
    await using stream = new Stream(root, 'few', { zone, retain: 2, clock: steppingClock() })
    await recordMany(stream, 5)
    const names = (await stream.versions()).map((version) => `${version.name}.txt`)
    assert.deepEqual(readdirSync(join(stream.directory, 'latest')).toSorted(), names.slice(-2))
  })

  test('versions by time, also after the clock went back', async (t) => {
    const times = [10_000, 20_000, 20_500, 5_000, 5_001, 30_000]
    const moments = times.values()
    const root = temporaryDirectory(t)
    await using stream = new Stream(root, 'times', { zone, clock: () => moments.next().value ?? 0 })
    const events: number[] = []
    for (const time of times) events.push((await stream.record(`at ${time}`)).bytes)
    const versions = await stream.versions()
    assert.deepEqual(
      await texts(versions),
      times.map((time) => `at ${time}`),
    )
    assert.deepEqual(
      versions.map((version) => version.time.getTime()),
      times,
    )
    assert.equal(await (await stream.at(15_000))?.text(), 'at 5001')
    assert.equal(await (await stream.at(new Date(30_000)))?.text(), 'at 30000')
    assert.equal(await stream.at(4_999), undefined)
    assert.deepEqual((await stream.check()).problems, [])
  })
})

suite('packed states', () => {
  test('every version is read, by name and by time, and from another process', async (t) => {
    const root = memoryDirectory(t)
    const expected = await (async () => {
      await using stream = new Stream(root, 'many', { zone, clock: steppingClock() })
      return recordMany(stream, 700)
    })()
    const stream = new Stream(root, 'many', { zone })
    assert.ok(readdirSync(join(stream.directory, 'archive')).length >= 2)
    const left = readdirSync(join(stream.directory, 'state')).length
    assert.ok(left >= 4 && left < 40, `${left} states`)
    const versions = await stream.versions()
    assert.deepEqual(await texts(versions), expected)
    assert.equal(await (await stream.version(versions[123]!.name)).text(), expected[123])
    assert.equal(await (await stream.at(versions[287]!.time))?.text(), expected[287])
    assert.deepEqual(await stream.check(), { versions: 700, problems: [], strangers: [] })
  })

  test('a pack is made longer by those who record one version each', async (t) => {
    const root = memoryDirectory(t)
    const clock = steppingClock()
    const expected = await recordMany(() => new Stream(root, 'one', { zone, clock }), 70)
    const stream = new Stream(root, 'one', { zone })
    assert.equal(readdirSync(join(stream.directory, 'archive')).length, 1)
    assert.ok(readdirSync(join(stream.directory, 'state')).length < 16)
    assert.deepEqual(await texts(await stream.versions()), expected)
    assert.deepEqual(await stream.check(), { versions: 70, problems: [], strangers: [] })
  })

  test('a state that does not lead back keeps none before it from a pack', async (t) => {
    const root = memoryDirectory(t)
    const clock = steppingClock()
    const once = (): Stream => new Stream(root, 'harmed', { zone, clock })
    const expected = await recordMany(once, 27)
    const directory = once().directory
    const file = join(directory, 'state', readdirSync(join(directory, 'state')).toSorted().at(-2)!)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\n\+line [^\n]*/, '\n+line that nobody wrote'))
    await using stream = once()
    await stream.record('another text\n')
    await stream.close()
    const versions = await stream.versions()
    assert.equal(readdirSync(join(directory, 'state')).length, 4)
    assert.deepEqual(await texts(versions.slice(0, 24)), expected.slice(0, 24))
    assert.notDeepEqual((await stream.check()).problems, [])
  })

  test('tar, zstd and patch bring back what was recorded', async (t) => {
    if (!requireTools(t, 'tar', 'zstd', 'patch')) return
    const root = temporaryDirectory(t)
    await using stream = new Stream(root, 'unpack', { zone, clock: steppingClock() })
    const expected = await recordMany(stream, 60)
    await stream.close()
    for (const pack of readdirSync(join(stream.directory, 'archive'))) {
      const run = spawnSync('tar', ['--zstd', '-xf', join('archive', pack), 'state'], {
        cwd: stream.directory,
      })
      assert.equal(run.status, 0, run.stderr.toString())
    }
    const replayed = oldReplay(root, 'unpack', temporaryDirectory(t))
    assert.deepEqual(replayed.map(String), expected)
    // Unpacked by hand they are in both places; nothing is counted twice, and the next writer clears up.
    assert.deepEqual(await texts(await stream.versions()), expected)
    await using next = new Stream(root, 'unpack', { zone })
    await next.record('next')
    await next.close()
    assert.ok(readdirSync(join(stream.directory, 'state')).length < 30)
  })

  test('left alone when told so', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'plain', {
      zone,
      pack: false,
      clock: steppingClock(),
    })
    const expected = await recordMany(stream, 40)
    await stream.close()
    assert.equal(readdirSync(join(stream.directory, 'state')).length, 40)
    rmSync(join(stream.directory, 'latest'), { recursive: true })
    assert.deepEqual(await texts(await stream.versions()), expected)
  })

  test('damage is found and named', async (t) => {
    const root = temporaryDirectory(t)
    await using stream = new Stream(root, 'damaged', { zone, clock: steppingClock() })
    await recordMany(stream, 60)
    await stream.close()
    const directory = stream.directory
    const [pack] = readdirSync(join(directory, 'archive')).map((file) => join(directory, 'archive', file))
    const sound = readFileSync(pack!)
    let harmless = 0
    for (let at = 200; at < sound.length; at += 97) {
      const damaged = Buffer.from(sound)
      damaged[at] = damaged[at]! ^ 0x55
      writeFileSync(pack!, damaged)
      // By its time another pack, as one that a writer puts in its place is: the clock of files is coarse.
      utimesSync(pack!, at, at)
      const report = await new Stream(root, 'damaged', { zone }).check().then(
        ({ problems }) => problems.join('\n'),
        (error: Error) => error.message,
      )
      // Every content is compared with its hash, so what is not noticed has done no harm: a frame's window may be larger.
      if (report === '') harmless++
      else assert.match(report, /tar\.zst/, `byte ${at}`)
    }
    assert.ok(harmless <= 2, `${harmless} not noticed`)
    writeFileSync(pack!, sound)
    const last = (await stream.versions()).at(-1)!
    writeFileSync(join(directory, 'latest', `${last.name}.txt`), 'something else')
    writeFileSync(join(directory, 'state', 'notes'), '')
    const { problems, strangers } = await stream.check()
    assert.deepEqual(problems, [
      `latest/${last.name}.txt: not what the diffs lead to`,
      `latest.txt: not the newest version, ${last.name}`,
    ])
    assert.deepEqual(strangers, ['state/notes'])
  })
})

function isStanding({ since, until }: { since: string; until: string | undefined }, name: string): boolean {
  return since <= name && (until === undefined || until > name)
}

suite('looking back', () => {
  test('changes between any two versions', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'diff', { zone, clock: steppingClock() })
    for (const text of ['a\nb\n', 'a\nc\n', 'a\nc\nd\n']) await stream.record(text)
    const [first, second, third] = (await stream.versions()).map((version) => version.name)
    assert.equal(
      (await stream.diff()).toString(),
      `--- ${second}\n+++ ${third}\n@@ -1,2 +1,3 @@\n a\n c\n+d\n`,
    )
    assert.equal(
      (await stream.diff(first)).toString(),
      `--- ${first}\n+++ ${third}\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n`,
    )
    assert.equal(
      (await stream.diff(second, first)).toString(),
      `--- ${second}\n+++ ${first}\n@@ -1,2 +1,2 @@\n a\n-c\n+b\n`,
    )
    assert.equal(
      (await stream.diff(undefined, first)).toString(),
      `--- nothing\n+++ ${first}\n@@ -0,0 +1,2 @@\n+a\n+b\n`,
    )
    await assert.rejects(stream.diff('20200101-000000'), { code: 'missing' })
  })

  test('since when each line stands, over packs', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'blame', { zone, clock: steppingClock() })
    const recorded = await recordMany(stream, 300)
    await stream.close()
    const versions = await stream.versions()
    for (const index of [0, 5, 100, 260, 299]) {
      const blamed = await stream.blame(versions[index])
      assert.equal(blamed.map(({ line }) => Buffer.from(line).toString()).join(''), recorded[index])
      for (const { since, line } of blamed.slice(0, -1)) {
        const said = /(?:changed|added) in (\d+)\n/.exec(Buffer.from(line).toString())?.[1]
        assert.equal(since, versions[Number(said ?? 0)]!.name)
      }
    }
  })

  test('in which versions a line stands', async (t) => {
    await using stream = new Stream(temporaryDirectory(t), 'grep', { zone, clock: steppingClock() })
    const recorded = await recordMany(stream, 300)
    await stream.close()
    const versions = await stream.versions()
    const names = versions.map((version) => version.name)
    const found = await stream.grep(/changed in \d*7$/g)
    assert.ok(found.length >= 30)
    for (const [i, text] of recorded.entries()) {
      const lines = text.split('\n').filter((line) => /changed in \d*7$/.test(line))
      const standing = found.filter((match) => isStanding(match, names[i]!))
      assert.deepEqual(standing.map(({ line }) => line).toSorted(), lines.toSorted(), String(names[i]))
    }
  })

  test('following', async (t) => {
    const root = temporaryDirectory(t)
    const reader = new Stream(root, 'follow', { zone })
    await using stream = new Stream(root, 'follow', { zone, clock: steppingClock() })
    await stream.record('before')
    const abort = new AbortController()
    const seen: string[] = []
    const following = (async () => {
      for await (const version of reader.follow({ signal: abort.signal, interval: 20 }))
        seen.push(await version.text())
    })()
    // Until it follows.
    const first: string[] = []
    while (seen.length === 0) {
      first.push(`first ${first.length}`)
      await stream.record(first.at(-1)!)
      await sleep(10)
    }
    const recorded = [...first.slice(first.indexOf(seen[0]!)), ...(await recordMany(stream, 60))]
    while (seen.length < recorded.length) await sleep(10)
    abort.abort()
    await following
    assert.deepEqual(seen, recorded)
  })
})

suite('forgetting', () => {
  test('keeps what the policy keeps, and the newest', async (t) => {
    if (!requireTools(t, 'tar', 'zstd', 'patch')) return
    const root = temporaryDirectory(t)
    const events: StreamEvent[] = []
    const options = { zone, clock: steppingClock(), log: (event: StreamEvent) => events.push(event) } as const
    await using stream = new Stream(root, 'forget', options)
    const recorded = await recordMany(stream, 300)
    await stream.close()
    const before = await stream.versions()
    await assert.rejects(stream.forget({}), { code: 'usage' })
    const planned = await stream.forget({ last: 100, hourly: 1 }, { dryRun: true })
    assert.equal(planned.length, 200)
    assert.equal((await stream.versions()).length, 300)
    assert.deepEqual(await stream.forget({ last: 100, hourly: 1 }), planned)
    const after = await stream.versions()
    assert.deepEqual(
      after.map((version) => version.name),
      before.slice(200).map((version) => version.name),
    )
    assert.deepEqual(await texts(after), recorded.slice(200))
    assert.deepEqual((await stream.check()).problems, [])
    assert.equal(readdirSync(join(stream.directory, 'archive')).length, 1)
    const next = await recordMany(stream, 50)
    await stream.close()
    await stream.forget({ last: 10 })
    const left = await texts(await stream.versions())
    assert.deepEqual(left.slice(-10), next.slice(-10))
    assert.ok(left.length < 40)
    assert.deepEqual((await stream.check()).problems, [])
    // With standard tools, too, what is left replays from nothing.
    for (const pack of readdirSync(join(stream.directory, 'archive'))) {
      spawnSync('tar', ['--zstd', '-xf', join('archive', pack), 'state'], { cwd: stream.directory })
    }
    assert.deepEqual(oldReplay(root, 'forget', temporaryDirectory(t)).map(String), left)
  })
})

suite('one writer at a time', () => {
  test('calls in one process take turns, in order', async (t) => {
    const root = temporaryDirectory(t)
    await using stream = new Stream(root, 'turns', { zone })
    const all = Array.from({ length: 30 }, (_, i) => `content ${i}\n`)
    await Promise.all(all.map((text, i) => stream.record(async () => (await sleep((i * 7) % 5), text))))
    assert.deepEqual(await texts(await stream.versions()), all)
  })

  test('another writer waits, or is told', async (t) => {
    const root = temporaryDirectory(t)
    await using first = new Stream(root, 'lock', { zone })
    await using patient = new Stream(root, 'lock', { zone })
    await using hurried = new Stream(root, 'lock', { zone, patience: 0 })
    const fetched = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<void>()
    const slow = first.record(() => {
      begun.resolve()
      return fetched.promise
    })
    await begun.promise
    await assert.rejects(hurried.record('hurried\n'), { code: 'busy' })
    const waiting = patient.record('patient\n')
    await sleep(20)
    fetched.resolve('slow\n')
    await Promise.all([slow, waiting])
    assert.deepEqual(await texts(await first.versions()), ['slow\n', 'patient\n'])
  })
})
