import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { getgid, getuid, pid } from 'node:process'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryDirectory } from './temporary-directory.ts'

/** Runs a real rsync daemon that offers `root` as the module `tree`; returns its address, which ends with `/`. */
export async function rsyncDaemon(t: TestContext, root: string, more: string = ''): Promise<string> {
  const port = await freePort()
  const directory = temporaryDirectory(t)
  const config = join(directory, 'rsyncd.conf')
  writeFileSync(
    config,
    `use chroot = no\nlog file = ${join(directory, 'log')}\nuid = ${getuid?.()}\ngid = ${getgid?.()}\n` +
      `[tree]\npath = ${root}\nread only = yes\n${more}\n`,
  )
  const args = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${config}`]
  const daemon = spawn('rsync', args, { stdio: 'ignore' })
  t.after(() => daemon.kill())
  await listening(port)
  return `rsync://127.0.0.1:${port}/tree/`
}

let portsGiven = 0

/**
 * A port that nobody listens at just now, and that nobody else is given: each process has some of its own, below those
 * that the system gives to whoever connects, or listens without naming one.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + ((pid * 40 + portsGiven++) % 22_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Resolves when somebody listens at `port`. */
export async function listening(port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (tries === 2400) throw error
      await sleep(25)
    } finally {
      socket.destroy()
    }
  }
}
