import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import type { TestContext } from 'node:test'
import { freePort, listening } from './rsync-daemon.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const program = '/usr/sbin/sshd'

export const hasSshd: boolean = existsSync(program)

/** A real sshd on loopback that lets this user in. Returns the `ssh` command that reaches it, and its port. */
export async function startSshd(
  t: TestContext,
): Promise<{ ssh: string[]; host: string; port: number; user: string }> {
  const directory = temporaryDirectory(t)
  const at = (name: string): string => join(directory, name)
  for (const key of ['host', 'client']) {
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)])
  }
  const port = await freePort()
  const { username: user } = userInfo()
  writeFileSync(at('known'), `[127.0.0.1]:${port} ${readFileSync(at('host.pub'), 'utf8')}`)
  const config = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${at('host')}`,
    `PidFile ${at('pid')}`,
    `AuthorizedKeysFile ${at('client.pub')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin yes',
  ]
  writeFileSync(at('config'), `${config.join('\n')}\n`)
  // Where it goes without rights; made by the system's own start of it.
  mkdirSync('/run/sshd', { recursive: true })
  const daemon = spawn(program, ['-D', '-e', '-f', at('config')], { stdio: 'ignore' })
  t.after(() => daemon.kill())
  await listening(port)
  const ssh = ['ssh', '-F', 'none', '-i', at('client'), '-o', `UserKnownHostsFile=${at('known')}`]
  return { ssh, host: '127.0.0.1', port, user }
}
