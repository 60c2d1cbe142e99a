import { spawn } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'

/*
 * Stands where ssh would, and counts: counting-pipe.ts REPORT [OPTION…] HOST [OPTION…] COMMAND… runs the command by
 * a shell on this machine, as ssh does on another. REPORT is written while bytes go by, and at the end.
 */

/** What stands in the report. */
export interface PipeReport {
  /** Bytes from this side to the command, and back. */
  readonly up: number
  readonly down: number
  /** The command has ended, and what follows is known. */
  readonly ended: boolean
  /** Seconds of processor time, and the most memory, of the command. */
  readonly cpu: number
  readonly megabytes: number
  /** Seconds of processor time, and the most memory, of the pipe itself, which a user would not have. */
  readonly own: number
  readonly ownMegabytes: number
}

const withValue = new Set(['-e', '-F', '-i', '-l', '-o', '-p'])

/** Like ssh it takes options before the name of the host, and behind it. */
function commandOf(args: readonly string[]): string {
  const afterOptions = (start: number): number => {
    let n = start
    while (args[n]?.startsWith('-')) n += withValue.has(args[n]!) ? 2 : 1
    return n
  }
  return args.slice(afterOptions(afterOptions(0) + 1)).join(' ')
}

class Report {
  readonly #path: string
  #up = 0
  #down = 0
  #timer: NodeJS.Timeout | undefined

  constructor(path: string) {
    this.#path = path
  }

  count(up: number, down: number): void {
    this.#up += up
    this.#down += down
    // No timer while nothing goes by: an idle pipe is to cost nothing.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#write(false, 0, 0)
    }, 100)
  }

  end(cpu: number, megabytes: number): void {
    clearTimeout(this.#timer)
    this.#write(true, cpu, megabytes)
  }

  #write(ended: boolean, cpu: number, megabytes: number): void {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    const pipe = { own: (userCPUTime + systemCPUTime) / 1e6, ownMegabytes: maxRSS / 1024 }
    const report: PipeReport = { up: this.#up, down: this.#down, ended, cpu, megabytes, ...pipe }
    writeFileSync(`${this.#path}.new`, JSON.stringify(report))
    renameSync(`${this.#path}.new`, this.#path)
  }
}

function pass(from: Readable, to: Writable, count: (bytes: number) => void): void {
  from.on('data', (piece: Buffer) => count(piece.length))
  from.on('error', () => to.destroy())
  to.on('error', () => from.destroy())
  from.pipe(to)
}

function run(path: string, command: string): void {
  const times = `${path}.time`
  const report = new Report(path)
  const timed = ['-o', times, '-f', '%U %S %M', 'sh', '-c', `exec ${command}`]
  const child = spawn('/usr/bin/time', timed, { stdio: ['pipe', 'pipe', 'inherit'] })
  pass(process.stdin, child.stdin, (bytes) => report.count(bytes, 0))
  pass(child.stdout, process.stdout, (bytes) => report.count(0, bytes))
  child.on('close', (code, signal) => {
    // Before the numbers there is a line of words when the command failed.
    const line = readFileSync(times, 'utf8').trim().split('\n').at(-1) ?? ''
    const [user = 0, system = 0, kilobytes = 0] = line.split(' ').map(Number)
    report.end(user + system, kilobytes / 1024)
    process.exitCode = code ?? 128 + constants.signals[signal!]
    process.stdin.destroy()
  })
}

if (import.meta.main) run(process.argv[2]!, commandOf(process.argv.slice(3)))
