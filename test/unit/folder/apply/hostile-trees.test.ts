import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import { isTidemarkError } from '../../../../src/errors.ts'
import { restore, type RestoreOptions } from '../../../../src/history/restore.ts'
import type { Entry } from '../../../../src/object/entry.ts'
import { MemoryStore } from '../../../../src/store/memory-store.ts'
import { fileEntry, plant, plantFile, type Plant } from '../../../suites/plant.ts'
import { readFolder } from '../../../suites/read-folder.ts'
import { requireTool } from '../../../require.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

type Plan = { readonly [name: string]: Plant }

interface Places {
  readonly target: string
  /** A directory that nothing may reach, with a file `secret`. */
  readonly outside: string
}

function places(t: TestContext): Places {
  const parent = temporaryDirectory(t)
  const [target, outside] = [join(parent, 'target'), join(parent, 'outside')]
  for (const path of [target, outside]) fs.mkdirSync(path)
  fs.writeFileSync(join(outside, 'secret'), 'secret')
  return { target, outside }
}

const common = {
  name: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 5n,
  xattrs: [],
  link: undefined,
  unreadable: false,
}

function symlink(target: string): Entry {
  return { kind: 'symlink', ...common, target }
}

async function restorePlan(target: string, plan: Plan, options?: RestoreOptions): Promise<string[]> {
  const store = new MemoryStore()
  const { problems } = await restore(store, await plant(store, plan), target, options)
  return problems.filter(({ code }) => code !== 'lost-metadata').map(({ path, code }) => `${path}: ${code}`)
}

suite('restoring a hostile tree', () => {
  test('replaces a symlink where a directory is wanted, and writes nothing through it', async (t) => {
    const { target, outside } = places(t)
    const before = readFolder(outside)
    fs.symlinkSync(outside, join(target, 'd'))
    assert.deepEqual(await restorePlan(target, { d: { secret: 'mine', more: 'mine' } }, { delete: true }), [])
    assert.deepEqual(readFolder(outside), before)
    assert.ok(fs.lstatSync(join(target, 'd')).isDirectory())
  })

  test('restores a link, then what a tree of another time has below its name', async (t) => {
    const { target, outside } = places(t)
    const before = readFolder(outside)
    for (const name of ['..', outside, '/', '.']) {
      assert.deepEqual(await restorePlan(target, { d: symlink(name) }, { delete: true }), [])
      assert.deepEqual(await restorePlan(target, { d: { secret: 'mine' } }, { paths: ['d/secret'] }), [])
      assert.equal(fs.readFileSync(join(target, 'd/secret'), 'utf8'), 'mine')
    }
    assert.deepEqual(readFolder(outside), before)
  })

  test('replaces a file that is a symlink, not what it leads to', async (t) => {
    const { target, outside } = places(t)
    const before = readFolder(outside)
    fs.symlinkSync(join(outside, 'secret'), join(target, 'a'))
    fs.symlinkSync(join(outside, 'none'), join(target, 'b'))
    assert.deepEqual(await restorePlan(target, { a: 'mine', b: 'mine' }), [])
    assert.deepEqual(readFolder(outside), before)
    assert.equal(fs.readFileSync(join(target, 'a'), 'utf8'), 'mine')
  })

  test('gives no metadata to what a symlink leads to', async (t) => {
    const { target, outside } = places(t)
    const before = readFolder(outside)
    const link = join(target, 'a')
    fs.symlinkSync(outside, link)
    await restorePlan(target, { a: { ...symlink(outside), mode: 0o777, mtimeNs: 77n } })
    assert.equal(fs.lstatSync(link, { bigint: true }).mtimeNs, 77n)
    assert.deepEqual(readFolder(outside), before)
  })

  test('makes no further name of a file outside', async (t) => {
    const { target, outside } = places(t)
    fs.symlinkSync(outside, join(target, 'd'))
    const { mtimeNs } = fs.statSync(join(outside, 'secret'), { bigint: true })
    const store = new MemoryStore()
    const secret = { ...(await plantFile(store, 'x', ['SECRET'])), mtimeNs }
    for (const link of ['d/secret', 'z']) {
      const root = await plant(store, { a: { ...secret, link }, z: symlink(join(outside, 'secret')) })
      await restore(store, root, target)
      assert.equal(fs.readFileSync(join(target, 'a'), 'utf8'), 'SECRET')
      assert.equal(fs.statSync(join(outside, 'secret')).nlink, 1)
    }
  })

  test('breaks a file apart from its other names before it changes it', async (t) => {
    const { target, outside } = places(t)
    const before = readFolder(outside)
    const secret = join(outside, 'secret')
    const { mtimeNs } = fs.statSync(secret, { bigint: true })
    const store = new MemoryStore()
    const file = await plantFile(store, 'x', ['secret'])
    fs.linkSync(secret, join(target, 'a'))
    fs.linkSync(secret, join(target, 'b'))
    const root = await plant(store, {
      a: { ...file, mode: 0o600, mtimeNs },
      b: { ...file, mode: 0o640, mtimeNs: 8n },
    })
    await restore(store, root, target)
    assert.deepEqual(readFolder(outside), before)
    assert.deepEqual(
      ['a', 'b'].map((name) => fs.statSync(join(target, name)).mode & 0o777),
      [0o600, 0o640],
    )
  })

  test("leaves the folder's own bookkeeping alone", async (t) => {
    const { target } = places(t)
    fs.mkdirSync(join(target, '.tidemark'))
    fs.writeFileSync(join(target, '.tidemark/state'), 'mine')
    const before = readFolder(join(target, '.tidemark'))
    const file = await plantFile(new MemoryStore(), 'x', [])
    const plan = {
      '.tidemark': { state: 'yours' },
      a: { ...file, link: '.tidemark/state' },
      d: { '.tidemark': 'x' },
    }
    assert.deepEqual(await restorePlan(target, plan, { delete: true }), ['.tidemark: reserved'])
    assert.deepEqual(readFolder(join(target, '.tidemark')), before)
    assert.equal(fs.readFileSync(join(target, 'd/.tidemark'), 'utf8'), 'x')
    assert.deepEqual(await restorePlan(target, {}, { delete: true }), [])
    assert.deepEqual(fs.readdirSync(target), ['.tidemark'])
  })

  test('refuses names that lead out, and trees that are none', async (t) => {
    const { target, outside } = places(t)
    const before = readFolder(join(outside, '..'))
    for (const name of ['..', '.', '../outside/secret', '/etc/x', 'a\0b', '']) {
      for (const what of ['x', { x: 'y' }]) {
        await assert.rejects(restorePlan(target, { [name]: what }), (error) =>
          isTidemarkError(error, 'corrupt'),
        )
      }
    }
    const after = new Map(readFolder(join(outside, '..')))
    // The time of the target's own directory may differ.
    after.set('target', before.get('target')!)
    assert.deepEqual(after, before)
  })

  test('bears sizes and times that no disk has', async (t) => {
    const { target } = places(t)
    const store = new MemoryStore()
    const huge = await plantFile(store, 'x', ['a', 2 ** 50])
    const early = { ...fileEntry('x'), mtimeNs: -(2n ** 63n) }
    const late = { ...fileEntry('x'), mtimeNs: 2n ** 63n - 1n }
    const report = await restore(store, await plant(store, { early, huge, late, plain: 'text' }), target)
    const told = new Set(report.problems.map(({ path }) => path))
    const found = (name: string): fs.BigIntStats => fs.statSync(join(target, name), { bigint: true })
    assert.ok(told.has('huge') || found('huge').size === 2n ** 50n + 1n)
    assert.ok(told.has('early') || found('early').mtimeNs === early.mtimeNs)
    assert.ok(told.has('late') || found('late').mtimeNs === late.mtimeNs)
    assert.equal(fs.readFileSync(join(target, 'plain'), 'utf8'), 'text')
    assert.deepEqual(
      fs.readdirSync(target).filter((name) => name.startsWith('.tidemark')),
      [],
    )
  })
})

/**
 * Swaps the directory `sub` and a link to `outside` for each other, again and again. Whatever a restore has
 * put in the link's place meanwhile is moved aside, so that the next turn finds things as they were.
 */
const swapper = `
  const { renameSync, symlinkSync } = require('node:fs')
  const { parentPort, workerData: { root, outside, stop } } = require('node:worker_threads')
  const attempt = (act) => { try { act() } catch {} }
  const rename = (from, to) => attempt(() => renameSync(root + '/' + from, root + '/' + to))
  parentPort.postMessage('ready')
  for (let turn = 0; Atomics.load(stop, 0) === 0; turn++) {
    rename('target/sub', 'kept')
    attempt(() => symlinkSync(outside, root + '/target/sub'))
    rename('target/sub', 'aside/' + turn)
    rename('kept', 'target/sub')
    // Now and then long enough for a whole restore to get through.
    if (Math.random() < 0.1) Atomics.wait(stop, 0, 0, Math.random() * 200)
  }`

test('a directory that is swapped for a link all the time never leads out of the target', async (t) => {
  if (!requireTool(t, fs.existsSync('/proc/self/fd'), 'needs /proc')) return
  const { target, outside } = places(t)
  const root = join(target, '..')
  fs.mkdirSync(join(target, 'sub'))
  fs.mkdirSync(join(root, 'aside'))
  const before = readFolder(outside)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(swapper, { eval: true, workerData: { root, outside, stop } })
  await once(worker, 'message')
  let refused = 0
  // On a busy machine the swapping thread may rest for seconds: until it was met.
  for (let round = 0; round < 60 || refused === 0; round++) {
    const sub: Record<string, Plant> = { deep: { file: `round ${round}` }, link: symlink('file') }
    for (let n = 0; n < 5; n++) sub[`file ${n}`] = `round ${round}`
    try {
      const problems = await restorePlan(target, { sub }, { delete: round % 2 === 0 })
      if (problems.length > 0) refused++
    } catch (error) {
      assert.ok(isTidemarkError(error, 'conflict', 'missing', 'failed'), String(error))
      refused++
    }
  }
  Atomics.store(stop, 0, 1)
  await once(worker, 'exit')
  assert.deepEqual(readFolder(outside), before)
  assert.deepEqual(await restorePlan(target, { sub: { last: 'when all is quiet' } }), [])
})
