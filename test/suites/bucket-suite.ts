import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { isTidemarkError, type ErrorCode } from '../../src/errors.ts'
import type { Bucket, BucketEntry } from '../../src/store/bucket.ts'

/** Makes an empty bucket for one test; what has to be cleaned up is given to `t.after`. */
export type MakeBucket = (t: TestContext) => Bucket | Promise<Bucket>

/** What every bucket must do, whatever it is made of. Run it on each implementation and on compositions. */
export function bucketSuite(name: string, make: MakeBucket): void {
  suite(`bucket: ${name}`, () => {
    test('gives back what was put', async (t) => {
      const bucket = await make(t)
      await bucket.put('config', bytesOf('one'))
      await bucket.put('packs/ab/abcdef', bytesOf('two'))
      assert.equal(textOf(await bucket.get('config')), 'one')
      assert.equal(textOf(await bucket.get('packs/ab/abcdef')), 'two')
    })

    test('keeps every byte of contents of many sizes', async (t) => {
      const bucket = await make(t)
      for (const size of [0, 1, 2, 255, 4096, 65_537, 3_000_001]) {
        const bytes = pattern(size)
        await bucket.put(`size-${size}`, bytes)
        const got = await bucket.get(`size-${size}`)
        assert.ok(got instanceof Uint8Array)
        assert.equal(Buffer.compare(got, bytes), 0, `size ${size}`)
      }
    })

    test('takes a view into a larger buffer as just its part', async (t) => {
      const bucket = await make(t)
      await bucket.put('part', pattern(1000).subarray(100, 200))
      assert.deepEqual(await plain(bucket.get('part')), pattern(1000).slice(100, 200))
    })

    test('replaces what was there, by less and by more', async (t) => {
      const bucket = await make(t)
      for (const text of ['a long first content', 'short', '', 'a longer last content']) {
        await bucket.put('name', bytesOf(text))
        assert.equal(textOf(await bucket.get('name')), text)
        assert.deepEqual(await listed(bucket, ''), [{ name: 'name', size: text.length }])
      }
    })

    test('keeps its own copy: neither side can change it later', async (t) => {
      const bucket = await make(t)
      const bytes = bytesOf('original')
      await bucket.put('name', bytes)
      bytes.fill(0)
      const got = await bucket.get('name')
      got.fill(1)
      assert.equal(textOf(await bucket.get('name')), 'original')
    })

    test('rejects missing for a name that is not there', async (t) => {
      const bucket = await make(t)
      await rejects(bucket.get('absent'), 'missing')
      await rejects(bucket.get('absent/below'), 'missing')
      await rejects(bucket.get('absent', { range: { start: 0, end: 0 } }), 'missing')
      await bucket.put('packs/ab/abc', bytesOf('x'))
      await rejects(bucket.get('packs'), 'missing')
      await rejects(bucket.get('packs/ab'), 'missing')
      await rejects(bucket.get('packs/ab/abc/below'), 'missing')
      await rejects(bucket.get('packs/ab/ab'), 'missing')
    })

    test('gives ranges', async (t) => {
      const bucket = await make(t)
      const bytes = pattern(10_000)
      await bucket.put('name', bytes)
      const ranges = [
        [0, 0],
        [0, 1],
        [0, 10_000],
        [1, 9999],
        [9999, 10_000],
        [10_000, 10_000],
        [4096, 8192],
        [5000, 5000],
      ] as const
      for (const [start, end] of ranges) {
        assert.deepEqual(
          await plain(bucket.get('name', { range: { start, end } })),
          bytes.slice(start, end),
          `${start} to ${end}`,
        )
      }
    })

    test('rejects corrupt for a range beyond the end', async (t) => {
      const bucket = await make(t)
      await bucket.put('name', pattern(100))
      await bucket.put('empty', pattern(0))
      for (const [start, end] of [
        [0, 101],
        [99, 101],
        [100, 101],
        [101, 101],
        [500, 600],
      ] as const) {
        await rejects(bucket.get('name', { range: { start, end } }), 'corrupt')
      }
      await rejects(bucket.get('empty', { range: { start: 0, end: 1 } }), 'corrupt')
    })

    test('rejects usage for what is no range', async (t) => {
      const bucket = await make(t)
      await bucket.put('name', pattern(100))
      for (const [start, end] of [
        [-1, 5],
        [5, 4],
        [0.5, 2],
        [0, Number.NaN],
        [0, Number.POSITIVE_INFINITY],
      ] as const) {
        await rejects(bucket.get('name', { range: { start, end } }), 'usage')
      }
    })

    test('lists by prefix, with sizes', async (t) => {
      const bucket = await make(t)
      const names = ['config', 'packs/ab/abc', 'packs/ab/abd', 'packs/cd/cde', 'packs-old', 'index/1']
      for (const [at, name] of names.entries()) await bucket.put(name, pattern(at))
      const expected = (prefix: string): BucketEntry[] =>
        byName(names.map((name, size) => ({ name, size })).filter((entry) => entry.name.startsWith(prefix)))
      const prefixes = ['', 'p', 'packs', 'packs/', 'packs/ab', 'packs/ab/', 'packs/ab/ab', 'packs/ab/abc']
      for (const prefix of [...prefixes, 'config', 'config/', 'c', 'x', 'x/', 'packs/ab/abc/', 'packs/a/']) {
        assert.deepEqual(await listed(bucket, prefix), expected(prefix), `prefix "${prefix}"`)
      }
    })

    test('lists nothing when it is empty', async (t) => {
      const bucket = await make(t)
      assert.deepEqual(await listed(bucket, ''), [])
      assert.deepEqual(await listed(bucket, 'packs/'), [])
      await bucket.put('packs/ab/abc', bytesOf('x'))
      await bucket.delete('packs/ab/abc')
      assert.deepEqual(await listed(bucket, ''), [])
    })

    test('lists each of many names once, and can be left early', async (t) => {
      const bucket = await make(t)
      const names = Array.from({ length: 700 }, (_, at) => `many/${at % 3}/n${at}`)
      await Promise.all(names.map((name) => bucket.put(name, bytesOf(name))))
      const entries = await listed(bucket, 'many/')
      assert.deepEqual(
        entries.map((entry) => entry.name),
        names.toSorted(),
      )
      let seen = 0
      for await (const entry of bucket.list('')) {
        assert.ok(names.includes(entry.name))
        if (++seen === 3) break
      }
      assert.equal(seen, 3)
    })

    test('lists what stays, while other names come and go', async (t) => {
      const bucket = await make(t)
      const staying = Array.from({ length: 40 }, (_, at) => `d${at % 4}/stays-${at}`)
      const going = Array.from({ length: 40 }, (_, at) => `d${at % 4}/goes-${at}`)
      await Promise.all([...staying, ...going].map((name) => bucket.put(name, bytesOf('x'))))
      const seen: string[] = []
      let step = 0
      for await (const { name } of bucket.list('')) {
        seen.push(name)
        const gone = going[step++]
        if (gone === undefined) continue
        await bucket.delete(gone)
        await bucket.put(`${gone}-new`, bytesOf('x'))
        if (step % 2 === 0) await bucket.put(gone, bytesOf('again'))
        await bucket.delete(name)
        await bucket.put(name, bytesOf('moved'))
      }
      assert.equal(new Set(seen).size, seen.length, 'no name twice')
      assert.deepEqual(seen.filter((name) => name.includes('stays')).toSorted(), staying.toSorted())
    })

    test('deletes, and what is gone already too', async (t) => {
      const bucket = await make(t)
      await bucket.put('packs/ab/abc', bytesOf('x'))
      await bucket.put('packs/ab/abd', bytesOf('y'))
      await bucket.delete('packs/ab/abc')
      await bucket.delete('packs/ab/abc')
      await bucket.delete('never/was/there')
      await bucket.delete('packs')
      await bucket.delete('packs/ab')
      await rejects(bucket.get('packs/ab/abc'), 'missing')
      assert.equal(textOf(await bucket.get('packs/ab/abd')), 'y')
      await bucket.put('packs/ab/abc', bytesOf('again'))
      assert.equal(textOf(await bucket.get('packs/ab/abc')), 'again')
    })

    test('refuses names that could leave its place, or that not every bucket could keep', async (t) => {
      const bucket = await make(t)
      for (const name of badNames) {
        await rejects(bucket.get(name), 'usage')
        await rejects(bucket.put(name, bytesOf('x')), 'usage')
        await rejects(bucket.delete(name), 'usage')
      }
      for (const prefix of badPrefixes) await rejects(listed(bucket, prefix), 'usage')
      assert.deepEqual(await listed(bucket, ''), [])
    })

    test('takes the longest and the oddest of names', async (t) => {
      const bucket = await make(t)
      const names = ['-', '_', '0', 'a.b', 'a..b', 'a.', 'tmp-file', 'tmpfile', 'x/tmp', 'n'.repeat(255)]
      names.push(`${'p'.repeat(200)}/${'q'.repeat(200)}/${'r'.repeat(200)}`)
      for (const name of names) await bucket.put(name, bytesOf(name))
      for (const name of names) assert.equal(textOf(await bucket.get(name)), name)
      const entries = await listed(bucket, '')
      assert.deepEqual(
        entries.map((entry) => entry.name),
        names.toSorted(),
      )
    })

    test('rejects cancelled at once when its signal was aborted before, and does nothing', async (t) => {
      const bucket = await make(t)
      await bucket.put('name', bytesOf('kept'))
      const signal = AbortSignal.abort(new Error('enough'))
      await rejects(bucket.get('name', { signal }), 'cancelled')
      await rejects(bucket.put('name', bytesOf('new'), { signal }), 'cancelled')
      await rejects(bucket.delete('name', { signal }), 'cancelled')
      await rejects(Array.fromAsync(bucket.list('', { signal })), 'cancelled')
      assert.equal(textOf(await bucket.get('name')), 'kept')
    })

    test('stops listing when its signal is aborted', async (t) => {
      const bucket = await make(t)
      for (let at = 0; at < 20; at++) await bucket.put(`n${at}`, bytesOf('x'))
      const controller = new AbortController()
      const seen: string[] = []
      await rejects(
        (async () => {
          for await (const { name } of bucket.list('', { signal: controller.signal })) {
            seen.push(name)
            controller.abort()
          }
        })(),
        'cancelled',
      )
      assert.equal(seen.length, 1)
    })

    test('is not troubled by a signal that is aborted when all is done', async (t) => {
      const bucket = await make(t)
      const controller = new AbortController()
      const { signal } = controller
      await bucket.put('name', bytesOf('x'), { signal })
      assert.equal(textOf(await bucket.get('name', { signal })), 'x')
      assert.equal((await Array.fromAsync(bucket.list('', { signal }))).length, 1)
      controller.abort()
      assert.equal(textOf(await bucket.get('name')), 'x')
    })

    test('takes many calls at once', async (t) => {
      const bucket = await make(t)
      const names = Array.from({ length: 100 }, (_, at) => `packs/${at % 5}/n${at}`)
      await Promise.all(names.map((name) => bucket.put(name, bytesOf(name))))
      const texts = await Promise.all(names.map(async (name) => textOf(await bucket.get(name))))
      assert.deepEqual(texts, names)
      assert.equal((await listed(bucket, '')).length, 100)
      await Promise.all(names.map((name) => bucket.delete(name)))
      assert.deepEqual(await listed(bucket, ''), [])
    })

    test('shows a reader the old bytes or the new ones, whole', async (t) => {
      const bucket = await make(t)
      const contents = Array.from({ length: 8 }, (_, at) => pattern(50_000 + at, at))
      await bucket.put('name', contents[0]!)
      const writing = Promise.all(contents.map((bytes) => bucket.put('name', bytes)))
      const reading = Array.from({ length: 30 }, async () => {
        const got = await bucket.get('name')
        assert.ok(
          contents.some((bytes) => Buffer.compare(bytes, got) === 0),
          'bytes of several contents, or of none',
        )
      })
      await Promise.all([writing, ...reading])
      const last = await bucket.get('name')
      assert.ok(contents.some((bytes) => Buffer.compare(bytes, last) === 0))
    })

    test('does what a Map would, whatever is asked of it', async (t) => {
      const name = fc.constantFrom('a', 'b', 'd/a', 'd/b', 'e/f/a', 'e/f/b', 'e/g')
      const step = fc.oneof(
        fc.record({ kind: fc.constant('put' as const), name, bytes: fc.uint8Array({ maxLength: 50 }) }),
        fc.record({ kind: fc.constant('get' as const), name, start: fc.nat(60), end: fc.nat(60) }),
        fc.record({ kind: fc.constant('delete' as const), name }),
        fc.record({
          kind: fc.constant('list' as const),
          prefix: fc.constantFrom('', 'd', 'd/', 'e/f/', 'e'),
        }),
      )
      const bucket = await make(t)
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          for (const { name } of await listed(bucket, '')) await bucket.delete(name)
          const model = new Map<string, Uint8Array>()
          for (const step of steps) await compareStep(bucket, model, step)
        }),
        { numRuns: 15 * Number(process.env['TIDEMARK_FUZZ'] ?? 1) },
      )
    })
  })
}

type Step =
  | { kind: 'put'; name: string; bytes: Uint8Array }
  | { kind: 'get'; name: string; start: number; end: number }
  | { kind: 'delete'; name: string }
  | { kind: 'list'; prefix: string }

async function compareStep(bucket: Bucket, model: Map<string, Uint8Array>, step: Step): Promise<void> {
  if (step.kind === 'put') {
    await bucket.put(step.name, step.bytes)
    model.set(step.name, step.bytes)
  } else if (step.kind === 'delete') {
    await bucket.delete(step.name)
    model.delete(step.name)
  } else if (step.kind === 'list') {
    const entries = Array.from(model, ([name, { length: size }]) => ({ name, size }))
    const expected = byName(entries.filter((entry) => entry.name.startsWith(step.prefix)))
    assert.deepEqual(await listed(bucket, step.prefix), expected)
  } else {
    const bytes = model.get(step.name)
    if (bytes === undefined) return rejects(bucket.get(step.name), 'missing')
    assert.deepEqual(await plain(bucket.get(step.name)), new Uint8Array(bytes))
    const range = { start: Math.min(step.start, step.end), end: Math.max(step.start, step.end) }
    const part = bucket.get(step.name, { range })
    if (range.end > bytes.length) return rejects(part, 'corrupt')
    assert.deepEqual(await plain(part), new Uint8Array(bytes.slice(range.start, range.end)))
  }
}

/** No bucket takes these. */
export const badNames: readonly string[] = [
  '',
  '/',
  '/etc/passwd',
  '..',
  '../x',
  'a/../../x',
  'a/..',
  '.',
  './x',
  'a/./b',
  '.hidden',
  'a/.hidden',
  'a//b',
  'a/',
  'A',
  'a b',
  'a\\b',
  'a\0b',
  'a\n',
  'é',
  'a:b',
  'tmp',
  'tmp/x',
  'n'.repeat(256),
  `${'d/'.repeat(600)}x`,
]

export const badPrefixes: readonly string[] = [
  '/',
  '..',
  '../',
  'a/../',
  '.',
  'a/.',
  'a//',
  'A',
  'a\0',
  'tmp/',
]

export async function rejects(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isTidemarkError(error), `not a TidemarkError: ${String(error)}`)
    assert.ok(codes.includes(error.code), `${error.code} instead of ${codes.join('/')}: ${error.message}`)
    return true
  })
}

/** What a bucket lists, ordered by name. */
export async function listed(bucket: Bucket, prefix: string): Promise<BucketEntry[]> {
  return byName(await Array.fromAsync(bucket.list(prefix)))
}

function byName(entries: readonly BucketEntry[]): BucketEntry[] {
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** As a plain array, so that a Buffer compares equal. */
async function plain(bytes: Promise<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await bytes)
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** `size` bytes that do not repeat with any power of two; another `seed` gives others. */
export function pattern(size: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed * 101) & 255
  return bytes
}
