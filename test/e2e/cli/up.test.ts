import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../suites/rsync-daemon.ts'
import { Scene } from './tidemark.ts'

type Line = Record<string, unknown>

class Running {
  readonly lines: Line[] = []
  stderr = ''
  readonly #scene: Scene
  readonly #child: ReturnType<Scene['start']>
  readonly #closed: Promise<unknown[]>

  constructor(t: TestContext, scene: Scene, ...args: string[]) {
    this.#scene = scene
    this.#child = scene.start(['--json', ...args])
    this.#closed = once(this.#child, 'close')
    t.after(() => this.#child.kill('SIGKILL'))
    this.#child.stderr.on('data', (piece) => (this.stderr += String(piece)))
    createInterface({ input: this.#child.stdout }).on('line', (line) =>
      this.lines.push(JSON.parse(line) as Line),
    )
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (let n = 0; !holds(); n++) {
      const said = `${this.stderr}\n${this.lines.map((line) => JSON.stringify(line)).join('\n')}`
      assert.ok(n < 1200 && this.#child.exitCode === null, `${what}: did not come: ${said}`)
      await sleep(50)
    }
  }

  /** Until a file of the scene holds this. */
  file(path: string, text: string, scene: Scene = this.#scene): Promise<void> {
    const file = join(scene.directory, path)
    return this.until(() => existsSync(file) && readFileSync(file, 'utf8') === text, path)
  }

  async line(holds: (line: Line) => boolean, what: string): Promise<Line> {
    await this.until(() => this.lines.some(holds), what)
    return this.lines.find(holds)!
  }

  say(text: string): void {
    this.#child.stdin.write(text)
  }

  async ended(): Promise<unknown> {
    const [code] = await this.#closed
    return code
  }

  stop(signal: NodeJS.Signals): Promise<unknown> {
    this.#child.kill(signal)
    return this.ended()
  }
}

function startUp(t: TestContext, scene: Scene, file: string): Running {
  scene.write('up.yaml', file)
  return new Running(t, scene, 'up', '--config', 'up.yaml')
}

const pairOfTwo = 'folders:\n  - path: a\n    peers: [b]\n'

test('the folders of a file are kept in step, and their status is told', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one', '1')
  const up = startUp(t, scene, pairOfTwo)
  await up.file('b/one', '1')
  scene.write('b/two', '2')
  await up.file('a/two', '2')
  const status = (): Promise<Line> =>
    scene.ok('-C', 'a', 'status', '--sync', '--json').then((text) => JSON.parse(text) as Line)
  let [peer] = (await status())['peers'] as Line[]
  for (let n = 0; peer!['state'] !== 'in-step'; n++) {
    assert.ok(n < 1200)
    await sleep(100)
    ;[peer] = (await status())['peers'] as Line[]
  }
  assert.equal((await status())['running'], true)
  assert.deepEqual([peer!['name'], peer!['error']], ['b', null])
  assert.equal(await up.stop('SIGTERM'), 143, up.stderr)
  assert.equal((await status())['running'], false)
  assert.match(await scene.ok('-C', 'a', 'status', '--sync'), /nobody keeps it in step/)
})

test('one that is killed leaves nothing behind that keeps the next from going on', async (t) => {
  const scene = new Scene(t)
  for (let n = 0; n < 300; n++) scene.write(`a/${n}`, `${n}`.repeat(1000))
  for (const delay of [400, 800, 1200]) {
    const up = startUp(t, scene, pairOfTwo)
    await sleep(delay)
    await up.stop('SIGKILL')
  }
  const up = startUp(t, scene, pairOfTwo)
  await up.file('b/299', '299'.repeat(1000))
  scene.write('b/back', 'back')
  await up.file('a/back', 'back')
  assert.equal(await up.stop('SIGINT'), 130)
  const names = (directory: string): string[] =>
    readdirSync(join(scene.directory, directory)).filter((name) => name !== '.tidemark')
  assert.deepEqual(names('a').toSorted(), names('b').toSorted())
})

test('a folder whose disk is away is waited for, and not begun anew', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one', '1')
  const first = startUp(t, scene, pairOfTwo)
  await first.file('b/one', '1')
  await first.stop('SIGTERM')
  renameSync(join(scene.directory, 'a'), join(scene.directory, 'away'))
  mkdirSync(join(scene.directory, 'a'))
  const up = startUp(t, scene, pairOfTwo)
  const { error } = await up.line(({ event }) => event === 'away', 'that it is away')
  assert.match((error as Line)['message'] as string, /is its disk mounted/)
  assert.deepEqual(readdirSync(join(scene.directory, 'a')), [])
  rmSync(join(scene.directory, 'a'), { recursive: true })
  renameSync(join(scene.directory, 'away'), join(scene.directory, 'a'))
  scene.write('b/two', '2')
  await up.file('a/two', '2')
  assert.ok(existsSync(join(scene.directory, 'b/one')))
  await up.stop('SIGTERM')
})

test('an emptied folder is refused, and told of', async (t) => {
  const scene = new Scene(t)
  for (let n = 0; n < 60; n++) scene.write(`a/${n}`, `${n}`)
  await scene.ok('sync', 'a', 'b')
  for (let n = 0; n < 60; n++) rmSync(join(scene.directory, `a/${n}`))
  const up = startUp(t, scene, pairOfTwo)
  const { error } = await up.line(({ event }) => event === 'failed', 'a refusal')
  assert.equal((error as Line)['code'], 'limit')
  assert.equal(readdirSync(join(scene.directory, 'b')).length, 61)
  assert.match(await scene.ok('-C', 'a', 'status', '--sync'), /failing[^]*60 of 60 entries/)
  await up.stop('SIGTERM')
  const allowed = startUp(t, scene, `${pairOfTwo}    allow-deletes: true\n`)
  await allowed.until(() => readdirSync(join(scene.directory, 'b')).length === 1, 'the deletes')
  await allowed.stop('SIGTERM')
})

test('by a schedule', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one', '1')
  const up = startUp(t, scene, `${pairOfTwo}    schedule: "* * * * * *"\n`)
  await up.file('b/one', '1')
  scene.write('b/two', '2')
  await up.file('a/two', '2')
  await up.stop('SIGTERM')
})

test('a second one with the same file is refused, and told which process has it', async (t) => {
  const scene = new Scene(t)
  scene.write('a/one', '1')
  const up = startUp(t, scene, pairOfTwo)
  await up.file('b/one', '1')
  const second = await scene.run(['up', '--config', './up.yaml'])
  assert.equal(second.code, 6, second.stderr)
  assert.match(second.stderr, new RegExp(`up\\.yaml runs already: process ${up.pid}\n`))
  // Killed, it leaves nothing behind that keeps the next from going on.
  await up.stop('SIGKILL')
  const next = startUp(t, scene, pairOfTwo)
  scene.write('a/two', '2')
  await next.file('b/two', '2')
  await next.stop('SIGTERM')
})

test('a file that makes no sense is refused with its line', async (t) => {
  const scene = new Scene(t)
  scene.write('up.yaml', 'folders:\n  - path: a\n    mode: sideways\n')
  for (const args of [
    ['up', '--config', 'up.yaml'],
    ['up', '--config', 'up.yaml', '--check'],
  ]) {
    const { code, stderr } = await scene.run(args)
    assert.equal(code, 2)
    assert.match(stderr, /up\.yaml:3: mode is one of two-way, send, receive/)
  }
  const { code, stderr } = await scene.run(['up'])
  assert.equal(code, 4)
  assert.match(stderr, /\.config\/tidemark\/up\.yaml: no such file/)
  scene.write('up.yaml', pairOfTwo)
  assert.match(
    await scene.ok('up', '--config', 'up.yaml', '--check'),
    /^a: \/.*\/a\n {2}b: \/.*\/b \(two-way\)\n$/,
  )
  const checked = await scene.run(['up', '--config', 'up.yaml', '--check'])
  assert.equal(checked.code, 0)
  assert.match(checked.stderr, /\/a is not there: is its disk mounted\?/)
  assert.match(await scene.ok('up', '--config', 'up.yaml', '--systemd'), /"up" "--config" ".*up\.yaml"\n/)
})

/** Introduces two machines with homes of their own; each reads the code that the other shows. */
async function introduceTwo(
  t: TestContext,
  one: Scene,
  other: Scene,
  port: number,
  ...args: string[]
): Promise<void> {
  const listener = new Running(t, one, 'pair', '--listen', `127.0.0.1:${port}`, '--code', ...args)
  await listener.line(({ listening }) => listening === port, 'the listener')
  const dialler = new Running(t, other, 'pair', `127.0.0.1:${port}`, '--code')
  const [a, b] = [await listener.line(hasCode, 'a code'), await dialler.line(hasCode, 'a code')]
  assert.match(a['code'] as string, /^\d{6}$/)
  dialler.say(`${a['code'] as string}\n`)
  listener.say(`${b['code'] as string}\n`)
  assert.deepEqual([await listener.ended(), await dialler.ended()], [0, 0], listener.stderr + dialler.stderr)
}

function hasCode({ code }: Line): boolean {
  return code !== undefined
}

test('two machines are paired, and keep a folder in step over the network', async (t) => {
  const [server, laptop] = [new Scene(t), new Scene(t)]
  const port = await freePort()
  server.write('notes/one', '1')
  await server.ok('init', 'notes')
  const listening = `listen: 127.0.0.1:${port}\nfolders:\n  - path: notes\n`
  const place = `tidemark://127.0.0.1:${port}/notes`
  // A machine that is not known gets nothing.
  mkdirSync(join(laptop.directory, 'mine'))
  const stranger = await laptop.run(['sync', 'mine', place])
  assert.equal(stranger.code, 7, stranger.stderr)
  assert.match(stranger.stderr, /is not known here \(tidemark pair/)
  await introduceTwo(t, server, laptop, port)

  const up = startUp(t, server, listening)
  const { host } = await up.line(({ event }) => event === 'listening', 'the listener')
  assert.equal(host, '127.0.0.1')
  await laptop.ok('sync', 'mine', place)
  assert.equal(readFileSync(join(laptop.directory, 'mine/one'), 'utf8'), '1')
  // Folders that are not served are not there.
  const other = await laptop.run(['sync', 'mine', `tidemark://127.0.0.1:${port}/other`])
  assert.equal(other.code, 7)
  assert.match(other.stderr, /there is no folder "other" here for this machine/)

  const there = startUp(t, laptop, `folders:\n  - path: mine\n    peers: ["${place}"]\n`)
  laptop.write('mine/two', '2')
  await there.file('notes/two', '2', server)
  server.write('notes/one', 'changed')
  await there.file('mine/one', 'changed')
  // The server goes away, and comes back.
  await up.stop('SIGTERM')
  laptop.write('mine/three', '3')
  await there.line(({ event }) => event === 'failed', 'that it is away')
  const again = startUp(t, server, listening)
  await again.file('notes/three', '3')
  await Promise.all([again.stop('SIGTERM'), there.stop('SIGTERM')])
})

test('where a listener can be reached is said as it was given', async (t) => {
  const scene = new Scene(t)
  const port = await freePort()
  scene.write('up.yaml', `listen: 127.0.0.1:${port}\nfolders:\n  - path: a\n`)
  for (const [args, said] of [
    [['pair', '--code', '--listen', `127.0.0.1:${port}`], `tidemark pair 127.0.0.1:${port} there`],
    [['up', '--config', 'up.yaml'], `listening at 127.0.0.1:${port}\n`],
  ] as const) {
    const child = scene.start(args)
    t.after(() => child.kill('SIGKILL'))
    let stderr = ''
    for await (const piece of child.stderr) {
      stderr += String(piece)
      if (stderr.includes(said)) break
    }
    assert.ok(stderr.includes(said), stderr)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

test('a peer that may only read changes nothing', async (t) => {
  const [server, laptop] = [new Scene(t), new Scene(t)]
  const port = await freePort()
  server.write('notes/one', '1')
  await server.ok('init', 'notes')
  await introduceTwo(t, server, laptop, port, '--read-only', '--allow', 'notes')
  const up = startUp(t, server, `listen: 127.0.0.1:${port}\nfolders:\n  - path: notes\n`)
  await up.line(({ event }) => event === 'listening', 'the listener')
  mkdirSync(join(laptop.directory, 'mine'))
  const place = `tidemark://127.0.0.1:${port}/notes`
  await laptop.ok('sync', 'mine', place)
  assert.equal(readFileSync(join(laptop.directory, 'mine/one'), 'utf8'), '1')
  laptop.write('mine/two', '2')
  writeFileSync(join(laptop.directory, 'mine/one'), 'mine now')
  const dry = await laptop.run(['-C', 'mine', 'sync', '--dry-run'])
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stderr, /this machine may only read there/)
  assert.doesNotMatch(dry.stdout, /two/)
  const { code, stderr } = await laptop.run(['-C', 'mine', 'sync'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /this machine may only read there: what was changed here stays here/)
  assert.deepEqual(readdirSync(join(server.directory, 'notes')), ['.tidemark', 'one'])
  assert.equal(readFileSync(join(server.directory, 'notes/one'), 'utf8'), '1')
  const sent = await laptop.run(['-C', 'mine', 'sync', '--mode', 'send'])
  assert.equal(sent.code, 7)
  assert.match(sent.stderr, /nothing may be changed there/)
  await up.stop('SIGTERM')
})

test('codes that differ make nobody known', async (t) => {
  const [one, other] = [new Scene(t), new Scene(t)]
  const port = await freePort()
  const listener = new Running(t, one, 'pair', '--listen', `127.0.0.1:${port}`, '--code')
  await listener.line(({ listening }) => listening === port, 'the listener')
  const dialler = new Running(t, other, 'pair', `127.0.0.1:${port}`, '--code')
  const { code } = await dialler.line(hasCode, 'a code')
  listener.say(`${code === '000000' ? '000001' : '000000'}\n`)
  dialler.say(`${code as string}\n`)
  assert.deepEqual([await listener.ended(), await dialler.ended()], [7, 7])
  for (const scene of [one, other])
    assert.ok(!existsSync(join(scene.home, '.local/state/tidemark/peers.json')))
  const { code: exit, stderr } = await one.run(['pair', '--listen'])
  assert.equal(exit, 2)
  assert.match(stderr, /needs a terminal, or --code/)
})
