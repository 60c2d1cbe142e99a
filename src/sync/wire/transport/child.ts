import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromSystem, systemCode, TidemarkError } from '../../../errors.ts'
import { JoinedStream } from './joined-stream.ts'
import type { Link } from './link.ts'

export interface ChildOptions {
  readonly name: string
  readonly isNear?: boolean
  readonly greeting?: number | undefined
}

/** What is kept of what a child says on its standard error. */
const keptWords = 4096
/** How long a child may take to end, once its output has, and its last words to come. Milliseconds. */
const toEnd = 2000
const lastWords = 50
/** What a shell says by its exit code when there is no such program. */
const notFound = 'ended with 127'
const hint = ' (is Tidemark installed there? if so, say where: --remote-command)'

/**
 * Starts a program and speaks with it by its standard input and output. When it fails, the stream fails with
 * what it said on its standard error.
 */
export function childLink(command: readonly string[], options: ChildOptions): Link {
  const { name, isNear = false, greeting } = options
  const [program, ...args] = command
  if (program === undefined) throw new TidemarkError('usage', `${name}: no command`)
  const child = spawn(program, args, { stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-keptWords)
  })
  const ended = new Promise<string | undefined>((resolve, reject) => {
    child.on('error', (error) => reject(cannotStart(error, name, program)))
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(undefined)
      else resolve(code === null ? `ended by ${signal}` : `ended with ${code}`)
    })
  })
  ended.catch(() => {})

  async function outcome(): Promise<void> {
    const how = await Promise.race([ended, sleep(toEnd, undefined, { ref: false })])
    if (how === undefined) return
    // Not the end of its standard error: what it has left behind in the background may hold that open.
    await sleep(lastWords)
    const words = said.trim().split('\n').slice(-5).join('; ')
    throw new TidemarkError(
      'unavailable',
      `${name}: ${words === '' ? `${program} ${how}` : words}${how === notFound ? hint : ''}`,
    )
  }

  const stream = new JoinedStream(child.stdout, child.stdin, outcome)
  ended.catch((error: Error) => stream.destroy(error))
  stream.on('close', () => {
    // Its input is closed by now: a child that listens has seen that.
    child.kill()
  })
  return { stream, name, isDialler: true, isNear, greeting }
}

function cannotStart(error: unknown, name: string, program: string): TidemarkError {
  if (systemCode(error) === 'ENOENT') {
    return new TidemarkError('unsupported', `${name}: there is no program ${program} here`)
  }
  return fromSystem(error, `${name}: start ${program}`)
}
