import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../suites/rsync-daemon.ts'
import { mainFile, Scene } from './tidemark.ts'

interface RecordedLine {
  readonly version: string
  readonly changed: boolean
  readonly bytes: number
}

/** Runs `tidemark record … --json` and returns what it says. */
async function record(scene: Scene, ...args: string[]): Promise<RecordedLine> {
  const { code, stdout, stderr } = await scene.run(['record', '--json', ...args])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as RecordedLine
}

suite('tidemark record', () => {
  test('a command, a file, an address, standard input', async (t) => {
    const scene = new Scene(t)
    await record(scene, 's', '--', 'printf', '%s\n', 'from', 'a command', '--json')
    scene.write('file', 'from a file\n')
    await record(scene, 's', '--file', 'file')
    const server = createServer((request, answer) => {
      if (request.url !== '/good') answer.statusCode = 500
      answer.end('from the web\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await record(scene, 's', '--url', `${address}/good`)
    await scene.execute('sh', ['-c', 'echo from a pipe | tidemark record s'])
    const { stdout } = await scene.run(['versions', 's', '--json'])
    const contents = (JSON.parse(stdout) as { version: string }[]).map(({ version }) =>
      scene.run(['at', 's', version]),
    )
    assert.deepEqual(
      (await Promise.all(contents)).map((result) => result.stdout),
      ['from\na command\n--json\n', 'from a file\n', 'from the web\n', 'from a pipe\n'],
    )
    const refused = await scene.run(['record', 's', '--url', `${address}/bad`])
    assert.equal(refused.code, 7)
    assert.match(refused.stderr, /500 Internal Server Error, and so not recorded/)
    assert.equal((await scene.run(['latest', 's'])).stdout, 'from a pipe\n')
  })

  test('what fails or is empty is not recorded unless asked, and its errors are seen', async (t) => {
    const scene = new Scene(t)
    const failing = ['s', '--', 'sh', '-c', 'echo half; echo broken >&2; exit 3']
    const failed = await scene.run(['record', ...failing])
    assert.equal(failed.code, 7)
    assert.match(failed.stderr, /^broken$/m)
    assert.match(failed.stderr, /ended with status 3, and so not recorded/)
    assert.equal((await scene.run(['record', 's', '--', 'true'])).code, 7)
    const absent = await scene.run(['record', 's', '--', 'no-such-program'])
    assert.deepEqual([absent.code, absent.stderr], [4, 'tidemark: no-such-program: command not found\n'])
    const refused = await scene.run(['record', 's', '--url', `http://127.0.0.1:${await freePort()}/`])
    assert.equal(refused.code, 7)
    assert.match(refused.stderr, /fetch http:.*ECONNREFUSED/)
    assert.equal((await scene.run(['record', 's', '--timeout', '100ms', '--', 'sleep', '20'])).code, 7)
    for (const args of [
      ['latest', 's'],
      ['versions', 's'],
      ['grep', 's', 'x'],
    ])
      assert.equal((await scene.run(args)).code, 4)
    assert.ok((await record(scene, '--allow-failure', ...failing)).changed)
    assert.equal((await scene.run(['latest', 's'])).stdout, 'half\n')
    assert.ok((await record(scene, '--allow-empty', 's', '--', 'true')).changed)
    assert.equal((await scene.run(['latest', 's'])).stdout, '')
  })

  test('noise is filtered out', async (t) => {
    const scene = new Scene(t)
    const options = ['s', '--normalize', "sed 's/at [0-9]*/at TIME/'"]
    assert.ok((await record(scene, ...options, '--', 'echo', 'seen at 123')).changed)
    assert.ok(!(await record(scene, ...options, '--', 'echo', 'seen at 456')).changed)
    assert.equal((await scene.run(['latest', 's'])).stdout, 'seen at TIME\n')
    const failed = await scene.run(['record', 's', '--normalize', 'exit 9', '--', 'echo', 'x'])
    assert.match(failed.stderr, /status 9/)
  })

  test('again and again: a slow fetch skips, a failing one is told of', async (t) => {
    const scene = new Scene(t)
    const script =
      'date +%s.%N >> begun; n=$(wc -l < begun); [ $n = 2 ] && exit 1; sleep 0.5; echo $n; date +%s.%N >> ended'
    const { code, stdout, stderr } = await scene.run([
      'record',
      's',
      '--every',
      '100ms',
      '-n',
      '3',
      '--',
      'sh',
      '-c',
      script,
    ])
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim().split('\n').length, 2)
    assert.match(stderr, /warning: .*status 1/)
    const moments = (name: string): number[] =>
      readFileSync(join(scene.directory, name), 'utf8').trim().split('\n').map(Number)
    const [begun, ended] = [moments('begun'), moments('ended')]
    assert.equal(begun.length, 3)
    // None began while another ran.
    assert.ok(begun[1]! >= ended[0]! && begun[2]! >= begun[1]!)
  })

  test('by a cron expression, until it is stopped', async (t) => {
    const scene = new Scene(t)
    const args = [mainFile, 'record', 's', '--every', '* * * * * *', '--', 'date', '+%N']
    const child = spawn(process.execPath, args, {
      cwd: scene.directory,
      env: scene.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    while (output.split('\n').length < 3) await sleep(20)
    child.kill('SIGINT')
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 130)
    const found = await scene.run(['check', 's'])
    assert.equal(found.code, 0, found.stderr)
    assert.equal((await scene.run(['record', 's', '--every', '99 * * * *', '--', 'date'])).code, 2)
    assert.equal((await scene.run(['record', 's', '--every', '5s'])).code, 2)
  })

  test('a second writer is refused clearly', async (t) => {
    const scene = new Scene(t)
    const slow = scene.run([
      'record',
      's',
      '--',
      'sh',
      '-c',
      'touch begun; while [ ! -e go ]; do sleep 0.02; done; echo slow',
    ])
    while (!existsSync(join(scene.directory, 'begun'))) await sleep(20)
    const hurried = await scene.run(['record', 's', '--wait', '0ms', '--', 'echo', 'hurried'])
    assert.equal(hurried.code, 6)
    assert.match(hurried.stderr, /s is being recorded by another writer/)
    const patient = scene.run(['record', 's', '--', 'echo', 'patient'])
    await sleep(100)
    scene.write('go', '')
    assert.equal((await slow).code, 0)
    assert.equal((await patient).code, 0)
    assert.equal((await scene.run(['latest', 's'])).stdout, 'patient\n')
  })

  test('retention: full copies, and versions', async (t) => {
    const scene = new Scene(t)
    mkdirSync(join(scene.directory, 'root'))
    for (let i = 0; i < 22; i++)
      await record(scene, 's', '--root', 'root', '--retain', '2', '--keep-last', '5', '--', 'echo', String(i))
    assert.equal(readdirSync(join(scene.directory, 'root/s/latest')).length, 2)
    const versions = JSON.parse(
      (await scene.run(['versions', 's', '--root', 'root', '--json'])).stdout,
    ) as unknown[]
    assert.ok(versions.length >= 5 && versions.length < 20, String(versions.length))
  })

  test('looking back', async (t) => {
    const scene = new Scene(t)
    for (const text of ['one\ntwo\n', 'one\n2\n', 'one\n2\nthree\n']) {
      scene.write('text', text)
      await record(scene, 's', '--file', 'text')
    }
    const versions = JSON.parse((await scene.run(['versions', 's', '--json'])).stdout) as {
      version: string
      time: string
    }[]
    const [first, second, third] = versions.map(({ version }) => version)
    assert.equal(
      (await scene.run(['changes', 's'])).stdout,
      `--- ${second!}\n+++ ${third!}\n@@ -1,2 +1,3 @@\n one\n 2\n+three\n`,
    )
    assert.equal((await scene.run(['changes', 's', first!, second!, '--exit-code'])).code, 8)
    assert.equal((await scene.run(['changes', 's', third!, '--exit-code'])).code, 0)
    const blamed = JSON.parse((await scene.run(['blame', 's', '--json'])).stdout) as object[]
    assert.deepEqual(blamed, [
      { since: first, line: 'one' },
      { since: second, line: '2' },
      { since: third, line: 'three' },
    ])
    assert.match((await scene.run(['blame', 's'])).stdout, new RegExp(`^${first!} +one\n${second!} +2\n`))
    const found = JSON.parse((await scene.run(['grep', 's', '^t', '--json'])).stdout) as object[]
    assert.deepEqual(found, [
      { since: first, until: second, line: 'two' },
      { since: third, until: null, line: 'three' },
    ])
    assert.equal((await scene.run(['grep', 's', 'nowhere'])).code, 8)
    assert.equal((await scene.run(['grep', 's', '('])).code, 2)
    assert.equal((await scene.run(['grep', 's', '-F', 'TWO', '-i'])).code, 0)
    assert.equal((await scene.run(['at', 's', versions[1]!.time])).stdout, 'one\n2\n')
    assert.equal((await scene.run(['at', 's', '2001-01-01'])).code, 4)
    assert.equal((await scene.run(['at', 's', 'gibberish'])).code, 2)
    assert.equal(
      (await scene.run(['follow', 's', '--all', '-n', '3'])).stdout,
      `${first!}\n${second!}\n${third!}\n`,
    )
    assert.match((await scene.run(['check', 's'])).stdout, /^3 versions, 0 problems$/m)
    assert.equal((await scene.run(['check', 'nothing'])).code, 4)
  })
})
