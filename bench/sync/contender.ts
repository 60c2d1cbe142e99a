import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Ground, HowToRun, Run } from './ground.ts'

/** A command that brings the directory `b` in step with `a`, once. */
export interface Contender {
  readonly name: string
  readonly how?: HowToRun
  /** With `piped` it is to think that `b` is on another machine, and go there by ssh. */
  readonly command: (a: string, b: string, piped: boolean) => readonly string[]
  /** Forgets former runs, so that both are new to it. */
  readonly forget?: (a: string, b: string) => void
}

export type History = 'none' | 'kept'

const ownDirectory = '.tidemark'

export function tidemark(ground: Ground, history: History): Contender {
  return {
    name: `tidemark ${history}`,
    command: (a, b, piped) => {
      const there = piped ? `ssh://peer${b}` : b
      return [ground.at('bin/tidemark'), '-q', 'sync', '--history', history, a, there]
    },
    forget: (a, b) => {
      for (const path of [a, b]) rmSync(join(path, ownDirectory), { recursive: true, force: true })
    },
  }
}

export const rsync: Contender = {
  name: 'rsync -a',
  command: (a, b, piped) => {
    const there = `${piped ? 'peer:' : ''}${b}/`
    return ['rsync', '-a', '--delete', `--exclude=/${ownDirectory}`, `${a}/`, there]
  },
}

/** It keeps what it remembers in a directory of its own. */
export function unison(ground: Ground): Contender {
  const memory = ground.at('unison')
  const options = '-batch -auto -ui text -confirmbigdel=false -times -perms -1 -ignore'.split(' ')
  return {
    name: 'unison',
    how: { env: { UNISON: memory }, leavesSsh: true },
    command: (a, b, piped) => {
      const there = piped ? `ssh://peer/${b}` : b
      return ['unison', a, there, ...options, `Path ${ownDirectory}`]
    },
    forget: () => {
      rmSync(memory, { recursive: true, force: true })
      mkdirSync(memory, { recursive: true })
    },
  }
}

/** Those that the environment variable ONLY names by parts of their names; all when it is not set. */
export function chosen(contenders: readonly Contender[]): readonly Contender[] {
  return contenders.filter(({ name }) => isChosen(name))
}

export function isChosen(name: string): boolean {
  const only = process.env['ONLY']
  return only === undefined || only.split(',').some((part) => name.includes(part))
}

export function inStep(
  ground: Ground,
  contender: Contender,
  a: string,
  b: string,
  piped: boolean,
): Promise<Run> {
  return ground.run(contender.command(a, b, piped), { ...contender.how, piped })
}
