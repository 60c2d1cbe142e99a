import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { requireTool } from '../require.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'

/** The calls that decide what a power cut leaves, in the order in which they ended: `what path`. */
function tracePut(root: string, trace: string, code: string): string[] {
  const module = new URL('../../src/store/directory-bucket.ts', import.meta.url).href
  const program = `
    const { DirectoryBucket } = await import(process.argv[1])
    const { mkdirSync } = await import('node:fs')
    const bucket = new DirectoryBucket(process.argv[2])
    ${code}`
  const calls = 'trace=mkdir,fsync,fdatasync,rename,unlink'
  const strace = ['-f', '-y', '-qq', '-o', trace, '-e', calls, '-e', 'signal=none']
  const node = [process.execPath, '--input-type=module', '-e', program, module, root]
  const { status, stderr } = spawnSync('strace', [...strace, ...node], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return readCalls(readFileSync(trace, 'utf8'), root)
}

function readCalls(trace: string, root: string): string[] {
  const calls: string[] = []
  const begun = new Map<string, string>()
  for (const line of trace.split('\n')) {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (thread === undefined || rest === undefined || !(rest.includes(root) || begun.has(thread))) continue
    // A call during which another thread made one is written in two parts.
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(thread, rest)
      continue
    }
    const whole = rest.startsWith('<...') ? begun.get(thread)! + rest : rest
    begun.delete(thread)
    if (!whole.endsWith(' = 0')) continue
    const paths = whole.split(root).slice(1)
    const last = /^[^">]*/.exec(paths.at(-1)!)![0].replace(/^\/tmp\/.+/, '/tmp/*')
    calls.push(`${/^\w+/.exec(whole)![0]} ${last === '' ? '/' : last}`)
  }
  return calls
}

suite('DirectoryBucket, before a power cut', () => {
  test('syncs a file before it is renamed, and its directories before it is reported', (t) => {
    const hasTrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
    if (!requireTool(t, hasTrace, 'watching system calls needs strace')) return
    const root = join(temporaryDirectory(t), 'root')
    const trace = join(temporaryDirectory(t), 'trace')
    const calls = tracePut(
      root,
      trace,
      `await bucket.put('packs/ab/one', new Uint8Array(9))
       mkdirSync(process.argv[2] + '/reported-one')
       await bucket.put('packs/ab/two', new Uint8Array(9))
       mkdirSync(process.argv[2] + '/reported-two')
       await bucket.delete('packs/ab/one')
       mkdirSync(process.argv[2] + '/reported-gone')`,
    )
    assert.deepEqual(calls, [
      'mkdir /',
      'mkdir /tmp',
      'fsync /',
      'fsync /tmp/*',
      'mkdir /packs',
      'fsync /',
      'mkdir /packs/ab',
      'fsync /packs',
      'rename /packs/ab/one',
      'fsync /packs/ab',
      'mkdir /reported-one',
      'fsync /tmp/*',
      'rename /packs/ab/two',
      'fsync /packs/ab',
      'mkdir /reported-two',
      'unlink /packs/ab/one',
      'fsync /packs/ab',
      'mkdir /reported-gone',
    ])

    // Directories that another process made, perhaps without living to sync them, are synced once as well.
    const again = tracePut(root, trace, `await bucket.put('packs/ab/three', new Uint8Array(9))`)
    assert.deepEqual(again, [
      'fsync /',
      'fsync /tmp/*',
      'fsync /',
      'fsync /packs',
      'rename /packs/ab/three',
      'fsync /packs/ab',
    ])
  })
})
