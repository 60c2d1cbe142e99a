import { spawn } from 'node:child_process'
import { TidemarkError, type ErrorCode } from '../../errors.ts'
import { cancelled } from '../../store/call.ts'

/** What rsync said when it had ended. */
export interface RsyncOutcome {
  /** 0, or 23 or 24: some files could not be had. */
  readonly code: number
  /** Its complaints, in order; at most so many. */
  readonly complaints: readonly string[]
}

/** Exit codes after which what came is what there is, and nothing is wrong with the rest of the world. */
const partly = new Set([0, 23, 24])

const mostComplaints = 2000

/** rsync's exit codes that say more than that it failed. */
const codes: Readonly<Record<number, ErrorCode>> = {
  1: 'usage',
  2: 'unsupported',
  4: 'unsupported',
  5: 'unavailable',
  10: 'unavailable',
  12: 'unavailable',
  30: 'timeout',
  35: 'timeout',
  127: 'unsupported',
  255: 'unavailable',
}

/**
 * Runs the real rsync with `input` on its standard input. Rejects `unavailable`, `timeout`, `denied`, `missing`
 * (the program itself: `unsupported`), `full`, `cancelled`.
 */
export function runRsync(
  args: readonly string[],
  input: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<RsyncOutcome> {
  return new Promise((resolve, reject) => {
    // Its messages in English, so that they can be told apart.
    const env = { ...process.env, LC_ALL: 'C', LANG: 'C' }
    const child = spawn('rsync', args, { env, stdio: ['pipe', 'ignore', 'pipe'] })
    const stop = (): void => void child.kill('SIGTERM')
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    const complaints: string[] = []
    let rest = ''
    child.stderr.setEncoding('latin1')
    child.stderr.on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n')
      // An endless line is no line of rsync's.
      rest = lines.pop()!.slice(0, 8192)
      for (const line of lines) if (complaints.length < mostComplaints) complaints.push(line)
    })
    // It may end before it has read everything.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', (error) => {
      signal?.removeEventListener('abort', stop)
      reject(new TidemarkError('unsupported', 'rsync cannot be run: is it installed?', { cause: error }))
    })
    child.on('close', (code) => {
      signal?.removeEventListener('abort', stop)
      if (rest !== '') complaints.push(rest)
      if (signal?.aborted === true) reject(cancelled(signal, 'rsync'))
      else if (code !== null && partly.has(code)) resolve({ code, complaints })
      else reject(failure(code, complaints))
    })
  })
}

function failure(code: number | null, complaints: readonly string[]): TidemarkError {
  const text = complaints.join('\n')
  const said = complaints.find((line) => /@ERROR|rsync|ssh|denied|refused/.test(line)) ?? complaints[0] ?? ''
  const message = `rsync failed (${code ?? 'killed'}): ${said}`.trimEnd()
  if (/No space left|Disk quota/.test(text)) return new TidemarkError('full', message)
  if (/@ERROR.*(?:auth|access denied)|Permission denied \(publickey/i.test(text)) {
    return new TidemarkError('denied', message)
  }
  if (/@ERROR: Unknown module/.test(text)) return new TidemarkError('missing', message)
  return new TidemarkError(code === null ? 'unavailable' : (codes[code] ?? 'failed'), message)
}
