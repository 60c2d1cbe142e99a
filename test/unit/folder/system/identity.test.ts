import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import {
  hostIdentity,
  isProcessAlive,
  ownIdentity,
  processIdentity,
  type ProcessIdentity,
} from '../../../../src/folder/system/identity.ts'
import { requireTool } from '../../../require.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

const hasProc = existsSync('/proc/self/stat')

function identityOf(pid: number): ProcessIdentity {
  return { ...hostIdentity(), pid, process: processIdentity(pid) ?? '' }
}

/** When a process began, in hundredths of a second after the machine. */
function ticks(identity: string | undefined): number {
  return Number(/-(\d+)$/.exec(identity ?? '')?.[1])
}

async function start(t: TestContext, program: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  return child
}

suite('identity', () => {
  test('of the host is the same each time', () => {
    assert.deepEqual(hostIdentity(), hostIdentity())
    assert.match(hostIdentity().machine, /.@./)
  })

  test('of this process is alive, from outside as well', (t) => {
    if (!requireTool(t, hasProc, 'needs /proc')) return
    const own = ownIdentity()
    assert.equal(isProcessAlive(own), 'alive')
    const module = new URL('../../../../src/folder/system/identity.ts', import.meta.url)
    const script = `import { isProcessAlive } from '${module.href}'
      process.stdout.write(isProcessAlive(${JSON.stringify(own)}))`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    assert.equal(stdout, 'alive')
  })

  test('of a process that has ended is dead', async (t) => {
    if (!requireTool(t, hasProc, 'needs /proc')) return
    const child = await start(t, 'sleep', '60')
    const identity = identityOf(child.pid!)
    assert.equal(isProcessAlive(identity), 'alive')
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal(isProcessAlive(identity), 'dead')
    assert.equal(processIdentity(child.pid), undefined)
  })

  test('of a process that waits to be reaped is dead', async (t) => {
    if (!requireTool(t, hasProc, 'needs /proc')) return
    // The shell becomes a sleep, which never asks after the child the shell had. That one ends only then: a
    // shell may ask.
    const child = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    const [line] = (await once(child.stdout!, 'data')) as [Buffer]
    const pid = Number(line.toString())
    while (!readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('sleep')) await setTimeout(5)
    ;(child.stdio[3] as Writable).end()
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await setTimeout(5)
    assert.equal(processIdentity(pid), undefined)
    assert.equal(isProcessAlive({ ...ownIdentity(), pid }), 'dead')
  })

  test('is not that of a later process with the same id', (t) => {
    if (!requireTool(t, hasProc, 'needs /proc')) return
    const own = ownIdentity()
    assert.equal(isProcessAlive({ ...own, process: `${own.process}1` }), 'dead')
  })

  test('is read past a name with spaces and parentheses', async (t) => {
    if (!requireTool(t, hasProc, 'needs /proc')) return
    const program = `${temporaryDirectory(t)}/a) R 1 (b`
    copyFileSync('/bin/sleep', program)
    const child = await start(t, program, '60')
    assert.match(readFileSync(`/proc/${child.pid}/stat`, 'utf8'), /^\d+ \(a\) R 1 \(b\) /)
    const [own, other] = [ticks(processIdentity()), ticks(processIdentity(child.pid))]
    assert.ok(other >= own && other - own < 60 * 100, `${own} ${other}`)
  })

  test('from another machine, boot or namespace', (t) => {
    if (!requireTool(t, hasProc, 'needs /proc')) return
    const own = ownIdentity()
    assert.equal(isProcessAlive({ ...own, machine: `${own.machine}x` }), 'unknown')
    assert.equal(isProcessAlive({ ...own, boot: 'before' }), 'dead')
    assert.equal(isProcessAlive({ ...own, boot: '' }), 'unknown')
    assert.equal(isProcessAlive({ ...own, process: '1-2' }), 'unknown')
  })

  test('is unknown within another process namespace, and from one', (t) => {
    const ready = process.getuid?.() === 0 && spawnSync('unshare', ['--version']).error === undefined
    if (!requireTool(t, ready, 'needs root and unshare')) return
    const module = new URL('../../../../src/folder/system/identity.ts', import.meta.url)
    const script = `import { isProcessAlive, ownIdentity } from '${module.href}'
      const there = isProcessAlive(${JSON.stringify(ownIdentity())})
      process.stdout.write(JSON.stringify([there, isProcessAlive(ownIdentity()), ownIdentity()]))`
    const { stdout } = spawnSync(
      'unshare',
      ['--pid', '--fork', '--mount-proc', process.execPath, '--input-type=module', '-e', script],
      { encoding: 'utf8' },
    )
    const [there, itself, inner] = JSON.parse(stdout) as [string, string, ProcessIdentity]
    assert.deepEqual([there, itself, isProcessAlive(inner)], ['unknown', 'alive', 'unknown'])
    assert.equal(inner.boot, ownIdentity().boot)
  })

  test('that makes no sense is unknown', () => {
    const own = ownIdentity()
    for (const pid of [0, -1, 1.5, NaN, Infinity]) assert.equal(isProcessAlive({ ...own, pid }), 'unknown')
    for (const process of ['', '-', 'x', '../../1']) {
      assert.equal(isProcessAlive({ ...own, process }), 'unknown')
    }
  })
})
