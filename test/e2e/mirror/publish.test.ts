import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { updateByHand } from '../../../src/mirror/origin/by-hand.ts'
import { IndexWriter } from '../../../src/mirror/origin/index-writer.ts'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import type { SignedHead } from '../../../src/recent/index.ts'
import { fuzz } from '../../suites/arbitraries.ts'
import { checkComplete, checkedHead, readIndex } from '../../suites/published.ts'
import { seededRandom } from '../../suites/random.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const program = join(import.meta.dirname, '../publishing-process.ts')

function makeTree(t: TestContext): string {
  const tree = join(temporaryDirectory(t), 'tree')
  for (let n = 0; n < 10; n++) {
    mkdirSync(join(tree, `${n}`), { recursive: true })
    for (let m = 0; m < 20; m++) writeFileSync(join(tree, `${n}/${m}`), `${n} ${m}`)
  }
  return tree
}

function start(t: TestContext, tree: string): ChildProcess {
  const child = spawn(process.execPath, [program, tree], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Resolves when the process has told of something. */
async function told(child: ChildProcess): Promise<void> {
  assert.equal(child.exitCode, null, 'the process has ended')
  await once(child.stdout!, 'data')
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  assert.deepEqual(await ended, [null, 'SIGKILL'], 'it had ended already')
}

/** One of several things that happen to trees. */
function change(tree: string, random: (below: number) => number): void {
  const at = (n: number): string => join(tree, `${n}/${random(25)}`)
  const path = at(random(10))
  switch (random(6)) {
    case 0:
      return rmSync(path, { force: true, recursive: true })
    case 1:
      if (existsSync(path)) renameSync(path, `${path}-moved`)
      return
    case 2:
      if (!existsSync(path)) mkdirSync(join(path, 'deep'), { recursive: true })
      return
    default:
      if (!existsSync(path) || readable(path)) writeFileSync(path, `${random(1e9)}`)
  }
}

function readable(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch {
    return false
  }
}

/** Waits until index and tree agree, and says why they do not when they never do. */
async function agreed(tree: string, check: (head: SignedHead) => void = () => {}): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      checkComplete(tree)
      check(checkedHead(tree))
      return
    } catch (error) {
      if (tries > 2400) throw error
      await sleep(50)
    }
  }
}

test('a publisher tells of what happens while it watches', async (t) => {
  const tree = makeTree(t)
  const child = start(t, tree)
  await told(child)
  const next = seededRandom(3)
  const random = (below: number): number => Math.floor(next() * below)
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 50; n++) change(tree, random)
    await agreed(tree)
  }
  rmSync(join(tree, '3'), { recursive: true })
  renameSync(join(tree, '4'), join(tree, 'four'))
  writeFileSync(join(tree, 'four/more'), 'in a directory that was moved')
  await agreed(tree)
  // Merged on, and dropped from the shortest file, by itself: on a busy machine perhaps also from the next.
  await sleep(1500)
  writeFileSync(join(tree, 'last'), 'last')
  await agreed(tree, () => {
    const [principal, ...longer] = readIndex(tree)
    assert.equal(longer.length, 3)
    assert.ok(longer.some(({ events }) => events.length > principal!.events.length))
  })
  await kill(child)
})

test('changes that come faster than the system can tell of them are all found', async (t) => {
  const tree = makeTree(t)
  const child = start(t, tree)
  await told(child)
  // More than the system queues while the publisher cannot read: it is stopped meanwhile.
  child.kill('SIGSTOP')
  for (let n = 0; n < 20_000; n++) writeFileSync(join(tree, `${n % 10}/many-${n % 4000}`), `${n}`)
  child.kill('SIGCONT')
  await agreed(tree)
  await kill(child)
})

test('what is told of by hand while a publisher runs is in its head at once', async (t) => {
  const tree = makeTree(t)
  const child = start(t, tree)
  await told(child)
  let root: string | undefined
  await agreed(tree, (head) => assert.ok((root = head.tree?.root) !== undefined))
  const writer = IndexWriter.open(tree)
  await updateByHand(writer, { type: 'new', paths: ['3/3'] })
  await agreed(tree, (head) => assert.equal(head.tree?.root, root))
  await kill(child)
})

test('killed at any moment, the next one goes on', async (t) => {
  const tree = makeTree(t)
  const next = seededRandom(11)
  const random = (below: number): number => Math.floor(next() * below)
  let traces = 0
  for (let round = 0; round < 8 * fuzz; round++) {
    const child = start(t, tree)
    await told(child)
    for (let n = 0; n < 30; n++) change(tree, random)
    await sleep(random(60))
    for (let n = 0; n < 5; n++) change(tree, random)
    await kill(child)
    // Whatever a mirror sees now is whole.
    const files = readIndex(tree)
    assert.equal(files.length, 4)
    if (readdirSync(tree).some((name) => /\.(?:new|lock)$/.test(name))) traces++
    else if (!isQuiet(tree)) traces++
  }
  assert.ok(traces > 0, 'no kill has hit a publisher at work')
  for (let n = 0; n < 30; n++) change(tree, random)
  await publishOnce(tree)
  checkComplete(tree)
  checkedHead(tree)
  assert.deepEqual((await publishOnce(tree)).changes, [])
})

/** Whether the index told of everything when the publisher was killed. */
function isQuiet(tree: string): boolean {
  try {
    checkComplete(tree)
    checkedHead(tree)
    return true
  } catch {
    return false
  }
}

test('killed in its first listing, the next one lists all', async (t) => {
  const tree = makeTree(t)
  // So that it takes a while, also where whoever kills has to wait for his turn.
  mkdirSync(join(tree, 'many'))
  for (let n = 0; n < 4000; n++) writeFileSync(join(tree, 'many', String(n)), String(n))
  let unfinished = 0
  for (let round = 0; round < 40 && unfinished < 3; round++) {
    rmSync(join(tree, '.tidemark'), { recursive: true, force: true })
    for (const name of readdirSync(tree))
      if (name.startsWith('RECENT')) rmSync(join(tree, name), { recursive: true })
    const child = start(t, tree)
    while (!existsSync(join(tree, '.tidemark/origin.db'))) await sleep(1)
    await sleep(5 * (round % 12))
    await kill(child)
    const isBegun = existsSync(join(tree, '.tidemark'))
    const isDone = existsSync(join(tree, 'RECENT.head'))
    if (isBegun && !isDone) unfinished++
    await publishOnce(tree, { intervals: ['1s', '3s', '10s', 'Z'] })
    checkComplete(tree)
    checkedHead(tree)
  }
  assert.ok(unfinished > 0, 'no kill has hit a first listing')
})
