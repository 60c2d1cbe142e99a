import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { test } from 'node:test'
import { Mirror } from '../../../src/mirror/follow/mirror.ts'
import { publishOnce } from '../../../src/mirror/origin/publish.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { hasSshd, startSshd } from '../../suites/sshd.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

test('over rsync a file that changed twice within a second, and kept its length, comes', async (t) => {
  if (!requireTool(t, hasProgram('rsync'), 'rsync is needed')) return
  const directory = temporaryDirectory(t)
  const [root, target] = [join(directory, 'origin'), join(directory, 'mirror')]
  mkdirSync(root)
  const source = parseLocation(await rsyncDaemon(t, root), '/')
  const mirror = new Mirror({ source, directory: target, signal: new AbortController().signal })
  t.after(() => mirror.close())
  for (const [content, time] of [
    ['one', 1_700_000_000.25],
    ['two', 1_700_000_000.75],
    // Even with the very same time.
    ['six', 1_700_000_000.75],
  ] as const) {
    writeFileSync(join(root, 'file'), content)
    utimesSync(join(root, 'file'), time, time)
    await publishOnce(root)
    const { files, waiting } = await mirror.catchUp()
    assert.deepEqual([files, waiting, readFileSync(join(target, 'file'), 'utf8')], [1, 0, content])
  }
})

test('with --jobs several rsync processes fetch parts of what is wanted', async (t) => {
  if (!requireTool(t, hasProgram('rsync'), 'rsync is needed')) return
  const directory = temporaryDirectory(t)
  const [root, log] = [join(directory, 'origin'), join(directory, 'log')]
  mkdirSync(root)
  for (let i = 0; i < 20; i++) writeFileSync(join(root, `file-${i}`), `${i}`.repeat(i))
  await publishOnce(root)
  const source = parseLocation(await rsyncDaemon(t, root, `log file = ${log}\ntransfer logging = yes\n`), '/')
  const signal = new AbortController().signal
  const mirror = new Mirror({ source, directory: join(directory, 'mirror'), signal, jobs: 3 })
  t.after(() => mirror.close())
  assert.equal((await mirror.catchUp()).files, 20)
  for (let i = 0; i < 20; i++)
    assert.equal(readFileSync(join(directory, 'mirror', `file-${i}`), 'utf8'), `${i}`.repeat(i))
  // Each process is a connection; those that sent a file of the tree are counted.
  const senders = new Set(
    [...readFileSync(log, 'utf8').matchAll(/\[(\d+)\] send .*\bfile-\d+/g)].map(([, pid]) => pid),
  )
  // One for the newest, which the shortest index has, and three for the rest.
  assert.equal(senders.size, 4)
})

test('an origin on another machine is reached by ssh, and followed', async (t) => {
  if (!requireTool(t, hasProgram('rsync') && hasSshd, 'rsync and sshd are needed')) return
  if (!requireTool(t, getuid?.() === 0, 'sshd of one’s own needs root')) return
  const { ssh, host, port, user } = await startSshd(t)
  process.env['RSYNC_RSH'] = [...ssh, '-p', String(port)].join(' ')
  t.after(() => delete process.env['RSYNC_RSH'])
  const directory = temporaryDirectory(t)
  const [root, target] = [join(directory, 'origin'), join(directory, 'mirror')]
  mkdirSync(join(root, 'a b'), { recursive: true })
  writeFileSync(join(root, 'gone'), 'gone')
  writeFileSync(join(root, 'a b/kept $HOME'), 'kept')
  await publishOnce(root)
  const source = parseLocation(`${user}@${host}:${root}`, '/')
  const mirror = new Mirror({ source, directory: target, signal: new AbortController().signal })
  t.after(() => mirror.close())
  assert.equal((await mirror.catchUp()).files, 2)
  rmSync(join(root, 'gone'))
  writeFileSync(join(root, 'a b/kept $HOME'), 'changed')
  await publishOnce(root)
  const { files, deleted } = await mirror.catchUp()
  assert.deepEqual([files, deleted], [1, 1])
  assert.equal(readFileSync(join(target, 'a b/kept $HOME'), 'utf8'), 'changed')
  assert.equal(existsSync(join(target, 'gone')), false)
  const { proven, broken } = await mirror.verify()
  assert.deepEqual([proven, broken], [true, []])
})
