import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { getuid, pid } from 'node:process'
import type { TestContext } from 'node:test'
import { hasProgram } from './has-program.ts'

/** Something that stands for a machine of its own: a network namespace, with a cable to this one. */
export interface OtherMachine {
  readonly address: string
  /** Runs a program there, with a channel of messages to it. */
  run(program: string, args: readonly string[]): ChildProcess
  /** Pulls the cable, or puts it back. */
  cut(): void
  mend(): void
}

let made = 0

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0
}

/** Undefined where this user may not make one. */
export function otherMachine(t: TestContext): OtherMachine | undefined {
  if (getuid?.() !== 0 || !hasProgram('ip')) return undefined
  const number = made++
  const name = `tm-${pid}-${number}`
  const [here, there] = [`tmh${pid}-${number}`, `tmt${pid}-${number}`]
  const net = `10.${180 + (number % 20)}.${pid % 250}`
  t.after(() => {
    ip('link', 'del', here)
    ip('netns', 'del', name)
  })
  const isMade =
    ip('netns', 'add', name) &&
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name) &&
    ip('addr', 'add', `${net}.1/24`, 'dev', here) &&
    ip('link', 'set', here, 'up') &&
    ip('-n', name, 'addr', 'add', `${net}.2/24`, 'dev', there) &&
    ip('-n', name, 'link', 'set', there, 'up') &&
    ip('-n', name, 'link', 'set', 'lo', 'up')
  if (!isMade) return undefined
  return {
    address: `${net}.2`,
    run(program, args) {
      const command = ['netns', 'exec', name, program, ...args]
      const child = spawn('ip', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      t.after(() => child.kill('SIGKILL'))
      return child
    },
    cut: () => ip('link', 'set', here, 'down'),
    mend: () => ip('link', 'set', here, 'up'),
  }
}
