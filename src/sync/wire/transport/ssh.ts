import { TidemarkError } from '../../../errors.ts'
import { childLink } from './child.ts'
import type { Link } from './link.ts'

export interface SshOptions {
  readonly host: string
  readonly user?: string | undefined
  readonly port?: number | undefined
  /** What is run there by the user's shell: the place is told in the hello, so nothing in it needs quoting. */
  readonly remoteCommand?: string | undefined
  /** The program and its first arguments. */
  readonly ssh?: readonly string[] | undefined
  /** Somebody is there to be asked for a password. */
  readonly isInteractive?: boolean
}

/** Somebody may have to find his password; a machine that is asked nothing is up within a minute. */
const greetings = { person: 600_000, machine: 60_000 }

/** The command that reaches a Tidemark on another machine, through the user's own ssh and its configuration. */
export function sshCommand(options: SshOptions): string[] {
  const { host, user, port, remoteCommand = 'tidemark serve --stdio', ssh = ['ssh'] } = options
  // Where `--` is not understood, this would be taken for an option.
  if (host.startsWith('-')) throw new TidemarkError('usage', `${host} is not the name of a host`)
  const command = [...ssh, '-T']
  if (options.isInteractive !== true) command.push('-o', 'BatchMode=yes')
  if (port !== undefined) command.push('-p', `${port}`)
  if (user !== undefined) command.push('-l', user)
  command.push('--', host, remoteCommand)
  return command
}

export function sshLink(options: SshOptions): Link {
  const greeting = options.isInteractive === true ? greetings.person : greetings.machine
  return childLink(sshCommand(options), { name: options.host, greeting })
}
