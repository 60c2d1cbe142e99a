import { readFile, readFileSync, statSync } from 'node:fs'
import { fromSystem, systemCode, TidemarkError } from '../../errors.ts'

/** Where a version comes from: one of the four. */
export interface Source {
  readonly command: readonly string[]
  readonly file: string | undefined
  readonly url: string | undefined
}

export interface FetchOptions {
  /** Take what a command printed even though it failed, and an empty answer too. */
  readonly allowFailure: boolean
  readonly allowEmpty: boolean
  /** A shell command that what was fetched is put through. */
  readonly normalize: string | undefined
  readonly signal: AbortSignal
}

/** Fetches what is to be recorded. Rejects `failed` when that does not succeed, so that nothing is recorded. */
export async function fetchContent(source: Source, options: FetchOptions): Promise<Buffer> {
  const raw = await fetchRaw(source, options)
  const { normalize } = options
  const content = normalize === undefined ? raw : await run(['/bin/sh', '-c', normalize], options, raw)
  if (content.length === 0 && !options.allowEmpty) {
    throw new TidemarkError(
      'failed',
      `${describe(source)}: empty, and so not recorded (--allow-empty records it)`,
    )
  }
  return content
}

function describe({ command, file, url }: Source): string {
  return file ?? url ?? (command.length > 0 ? command.join(' ') : 'standard input')
}

async function fetchRaw(source: Source, options: FetchOptions): Promise<Buffer> {
  const { command, file, url } = source
  if (command.length > 0) return run(command, options)
  try {
    if (file !== undefined) return await readWhole(file, options.signal)
    if (url === undefined) return Buffer.concat(await pieces(process.stdin, options.signal))
    const answer = await fetch(url, { signal: options.signal })
    const body = Buffer.from(await answer.arrayBuffer())
    if (answer.ok || options.allowFailure) return body
    throw new TidemarkError('failed', `${url}: ${answer.status} ${answer.statusText}, and so not recorded`)
  } catch (error) {
    throw options.signal.aborted
      ? stopped(options.signal)
      : fromSystem(causeOf(error), `fetch ${describe(source)}`)
  }
}

/** `fetch` says only that it failed; why stands behind that, once for each address that was tried. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error
  const { cause } = error
  return cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause
}

async function readWhole(file: string, signal: AbortSignal): Promise<Buffer> {
  // At once, as threads take a millisecond to start; what may keep us waiting can be stopped.
  if (statSync(file).isFile()) return readFileSync(file)
  return new Promise((resolve, reject) =>
    readFile(file, { signal }, (error, content) => (error === null ? resolve(content) : reject(error))),
  )
}

async function pieces(stream: NodeJS.ReadStream, signal: AbortSignal): Promise<Buffer[]> {
  return (await stream.toArray({ signal })) as Buffer[]
}

/** Runs a command; returns its standard output. Its standard error goes to ours. */
async function run(command: readonly string[], options: FetchOptions, input?: Buffer): Promise<Buffer> {
  // Loaded only for commands: that takes longer than to read a file.
  const [{ spawn }, { once }] = await Promise.all([import('node:child_process'), import('node:events')])
  const [program, ...args] = command
  const { signal } = options
  const child = spawn(program!, args, {
    stdio: [input === undefined ? 'inherit' : 'pipe', 'pipe', 'inherit'],
    signal,
  })
  // It may end without having read all of it.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const ended = once(child, 'close')
  try {
    const [output, [status, killedBy]] = await Promise.all([child.stdout!.toArray(), ended])
    if (status === 0 || options.allowFailure) return Buffer.concat(output as Buffer[])
    const how = killedBy === null ? `ended with status ${String(status)}` : `was ended by ${String(killedBy)}`
    throw new TidemarkError(
      'failed',
      `${command.join(' ')}: ${how}, and so not recorded (--allow-failure records it)`,
    )
  } catch (error) {
    if (signal.aborted) throw stopped(signal)
    if (systemCode(error) === 'ENOENT')
      throw new TidemarkError('missing', `${program!}: command not found`, { cause: error })
    throw fromSystem(error, `run ${program!}`)
  }
}

function stopped(signal: AbortSignal): TidemarkError {
  const timedOut = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError'
  return timedOut
    ? new TidemarkError('timeout', 'the fetch took longer than allowed, and nothing was recorded')
    : new TidemarkError('cancelled', 'stopped')
}
