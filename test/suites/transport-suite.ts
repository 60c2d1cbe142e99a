import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { nameFromBytes, type Name } from '../../src/bytes/name.ts'
import { isTidemarkError } from '../../src/errors.ts'
import { openDirectory } from '../../src/folder/system/directory-handle.ts'
import { childPath, systemPath, type SystemPath } from '../../src/folder/system/paths.ts'
import type { Fetched, Reading, Transport, Wanted } from '../../src/mirror/transport/transport.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** What a transport is made for: the tree of the origin, and directories of the mirror's. */
export interface Place {
  readonly tree: string
  readonly local: string
  readonly scratch: string
}

/** Undefined when the test cannot run here (and has been skipped). */
export type MakeTransport = (
  t: TestContext,
  place: Place,
) => Transport | undefined | Promise<Transport | undefined>

const oddNames: readonly Name[] = [
  'with space',
  'per%20cent',
  '#hash',
  ';semicolon',
  '-dash',
  'question?mark',
  'new\nline',
  'back\\slash',
  'ümläut',
  '漢字',
  'plus+and&',
  nameFromBytes(Uint8Array.of(0x66, 0xff, 0xfe)),
]

/** What every transport must do, whatever it goes over. */
export function transportSuite(name: string, make: MakeTransport): void {
  const begin = async (
    t: TestContext,
  ): Promise<{ place: Place; transport: Transport; fetchAll: FetchAll } | undefined> => {
    const directory = temporaryDirectory(t)
    const place = {
      tree: join(directory, 'tree'),
      local: join(directory, 'local'),
      scratch: join(directory, 'scratch'),
    }
    for (const path of Object.values(place)) mkdirSync(path)
    const transport = await make(t, place)
    if (transport === undefined) return undefined
    t.after(() => transport.close())
    return { place, transport, fetchAll: fetchAllWith(place, transport) }
  }

  suite(`transport: ${name}`, () => {
    test('reads a file whole, and tells when it is missing', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, transport } = begun
      for (const size of [0, 1, 70_000, 1_500_000]) {
        put(place, 'RECENT-1h.yaml', pattern(size))
        const reading = opened(await transport.read('RECENT-1h.yaml'))
        assert.equal(reading.start, 0)
        assert.deepEqual(await bytesOf(reading), pattern(size))
      }
      assert.equal(await transport.read('RECENT.head'), 'missing')
    })

    test('says that a file is the same, and when no more', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, transport } = begun
      put(place, 'RECENT.head', pattern(100))
      const reading = opened(await transport.read('RECENT.head'))
      await bytesOf(reading)
      const known = reading.state
      assert.ok(known !== undefined)
      const basis = join(place.scratch, 'basis')
      put({ ...place, tree: place.scratch }, 'basis', pattern(100))
      assert.equal(await transport.read('RECENT.head', { known, basis }), 'same')
      put(place, 'RECENT.head', pattern(101), 2000)
      const again = opened(await transport.read('RECENT.head', { known, basis }))
      assert.deepEqual(await bytesOf(again), pattern(101))
    })

    test('reads ranges under guard of the state', async (t) => {
      const begun = await begin(t)
      if (!begun?.transport.ranged) return
      const { place, transport } = begun
      put(place, 'index', pattern(10_000))
      const first = opened(await transport.read('index', { range: { start: 0, end: 1000 } }))
      assert.deepEqual(await rangeOf(first, 0, 1000), pattern(10_000).subarray(0, 1000))
      assert.equal(first.size, 10_000)
      const guard = first.state
      const rest = opened(await transport.read('index', { range: { start: 1000, end: 20_000 }, guard }))
      assert.deepEqual(await rangeOf(rest, 1000, 20_000), pattern(10_000).subarray(1000))
      const beyond = opened(await transport.read('index', { range: { start: 10_000, end: 20_000 } }))
      assert.equal((await rangeOf(beyond, 10_000, 20_000)).length, 0)
      put(place, 'index', pattern(12_000), 3000)
      assert.equal(await transport.read('index', { range: { start: 1000, end: 2000 }, guard }), 'changed')
    })

    test('fetches files of all sizes and names, each answered once', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, fetchAll } = begun
      const sizes = [0, 1, 1000, 300_000, 3_000_001]
      const paths: Name[] = [...oddNames, ...oddNames.map((name) => `deep/${name}/${name}`)]
      for (const [i, path] of paths.entries()) put(place, path, pattern(sizes[i % sizes.length]!))
      const answers = await fetchAll(paths.map((path) => ({ path })))
      assert.equal(answers.size, paths.length)
      for (const [i, path] of paths.entries()) {
        const answer = answers.get(path)!
        assert.ok(answer.outcome === 'file' || answer.outcome === 'content', path)
        assert.deepEqual(answer.bytes, pattern(sizes[i % sizes.length]!), path)
      }
    })

    test('answers for what is missing, and brings the rest', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, fetchAll } = begun
      put(place, 'a/here', pattern(10))
      const paths = ['a/gone', 'a/here', 'none/such/path']
      const answers = await fetchAll(paths.map((path) => ({ path })))
      assert.deepEqual(
        paths.map((path) => answers.get(path)?.outcome.replace('content', 'file')),
        ['missing', 'file', 'missing'],
      )
    })

    test('sees what is here already', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, fetchAll } = begun
      put(place, 'same', pattern(5000))
      put({ ...place, tree: place.local }, 'same', pattern(5000))
      const stat = statSync(join(place.tree, 'same'), { bigint: true })
      const have = { size: 5000, mtimeNs: stat.mtimeNs }
      const answer = (await fetchAll([{ path: 'same', have }])).get('same')!
      if (answer.outcome !== 'same') assert.deepEqual(answer.bytes, pattern(5000))
    })

    test('stops when it is told to', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, transport, fetchAll } = begun
      put(place, 'file', pattern(10))
      const signal = AbortSignal.abort()
      await assert.rejects(
        async () => transport.read('file', { signal }),
        (error) => isTidemarkError(error, 'cancelled'),
      )
      await assert.rejects(fetchAll([{ path: 'file' }], signal), (error) =>
        isTidemarkError(error, 'cancelled'),
      )
    })

    test('an origin that is gone is out of reach, not empty', async (t) => {
      const begun = await begin(t)
      if (!begun) return
      const { place, transport } = begun
      if (transport.name.includes('127.0.0.1')) return
      rmSync(place.tree, { recursive: true })
      await assert.rejects(transport.read('RECENT.head'), (error) => isTidemarkError(error, 'unavailable'))
    })
  })
}

type Answer = Fetched & { readonly bytes?: Uint8Array }
type FetchAll = (items: readonly Wanted[], signal?: AbortSignal) => Promise<Map<Name, Answer>>

function fetchAllWith(place: Place, transport: Transport): FetchAll {
  return async (items, signal) => {
    const into = openDirectory(place.scratch)
    const answers = new Map<Name, Answer>()
    try {
      for await (const fetched of transport.fetch(items, into, { signal, jobs: 3 })) {
        assert.ok(!answers.has(fetched.wanted.path), `${fetched.wanted.path} was answered twice`)
        const bytes =
          fetched.outcome === 'file'
            ? readStaged(place.scratch, fetched.staged)
            : fetched.outcome === 'content'
              ? new Uint8Array(fetched.content)
              : undefined
        answers.set(fetched.wanted.path, bytes === undefined ? fetched : { ...fetched, bytes })
      }
    } finally {
      into.close()
    }
    return answers
  }
}

function readStaged(scratch: string, staged: readonly Name[]): Uint8Array {
  let path: SystemPath = scratch
  for (const name of staged) path = childPath(path, name)
  return new Uint8Array(readFileSync(path))
}

/** Writes a file as if `ago` milliseconds later than others, whole seconds, so that times tell versions apart. */
export function put({ tree }: Pick<Place, 'tree'>, path: Name, bytes: Uint8Array, later = 0): void {
  const parts = path.split('/')
  let directory: SystemPath = tree
  for (const name of parts.slice(0, -1)) {
    directory = childPath(directory, name)
    mkdirSync(directory, { recursive: true })
  }
  const file = systemPath(childPath(directory, parts.at(-1)!))
  writeFileSync(file, bytes)
  utimesSync(file, 1_700_000_000 + later, 1_700_000_000 + later)
}

export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + size) & 0xff
  return bytes
}

function opened(answer: Reading | string): Reading {
  if (typeof answer === 'string') assert.fail(`the answer was ${answer}`)
  return answer
}

async function bytesOf({ body }: Reading): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** What of a reading lies in the range: servers may answer with all of the file. */
async function rangeOf(reading: Reading, start: number, end: number): Promise<Uint8Array> {
  const bytes = await bytesOf(reading)
  const from = Math.max(0, start - reading.start)
  return bytes.subarray(from, Math.max(from, end - reading.start))
}
