import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { measure, type Cost } from '../measure.ts'
import type { PipeReport } from './counting-pipe.ts'
import { machineCpu } from './processes.ts'

/** What one run cost. `megabytes` is of this side; 0 where it is less than that of what measures. */
export interface Run extends Cost {
  /** Of the far side. */
  readonly farMegabytes?: number | undefined
  /** Bytes between both sides, both ways. */
  readonly wire?: number | undefined
  /** Seconds of processor time that all else on the machine took meanwhile. */
  readonly others: number
}

/** How a command is run. */
export interface HowToRun {
  readonly env?: Readonly<Record<string, string>>
  /** It reaches its other side by `ssh`. */
  readonly piped?: boolean
  /** It ends without waiting for ssh, whose cost is not in its own then. */
  readonly leavesSsh?: boolean
}

/** Where the measuring takes place: `ssh` is on the PATH there, and counts; so is `tidemark`, as it was built. */
export class Ground {
  readonly path: string
  /** The whole is made smaller by this, to try it. */
  readonly scale: number
  readonly env: Readonly<Record<string, string>>
  readonly #report: string

  constructor(path: string, scale: number) {
    this.path = path
    this.scale = scale
    const bin = join(path, 'bin')
    mkdirSync(bin, { recursive: true })
    this.#report = join(path, 'report')
    const pipe = join(import.meta.dirname, 'counting-pipe.ts')
    const program = join(import.meta.dirname, '../../dist/cli/main.cjs')
    writeCommand(join(bin, 'ssh'), [process.execPath, pipe, this.#report])
    writeCommand(join(bin, 'tidemark'), [process.execPath, program])
    this.env = { PATH: `${bin}:${process.env['PATH']}` }
  }

  count(full: number): number {
    return Math.max(1, Math.round(full * this.scale))
  }

  at(name: string): string {
    return join(this.path, name)
  }

  /** Deletes what is there, and makes an empty directory. */
  empty(name: string): string {
    const path = this.at(name)
    rmSync(path, { recursive: true, force: true })
    mkdirSync(path, { recursive: true })
    return path
  }

  async run(command: readonly string[], { env = {}, piped, leavesSsh }: HowToRun = {}): Promise<Run> {
    rmSync(this.#report, { force: true })
    const before = machineCpu()
    const cost = measure(this.path, command, { ...this.env, ...env })
    const report = piped ? await this.#pipeReport() : undefined
    const machine = machineCpu() - before
    const own = report?.own ?? 0
    const cpu = leavesSsh ? cost.cpu + (report?.cpu ?? 0) : cost.cpu - own
    const isHidden = cost.megabytes < (report?.ownMegabytes ?? 0) + 1
    return {
      wall: cost.wall,
      cpu,
      megabytes: isHidden ? 0 : cost.megabytes,
      farMegabytes: report?.megabytes,
      wire: report && report.up + report.down,
      others: Math.max(0, machine - cpu - own),
    }
  }

  /** The bytes between both sides so far, of a command that runs. */
  wire(): number {
    if (!existsSync(this.#report)) return 0
    const { up, down } = JSON.parse(readFileSync(this.#report, 'utf8')) as PipeReport
    return up + down
  }

  async #pipeReport(): Promise<PipeReport> {
    for (let n = 0; n < 200; n++) {
      if (existsSync(this.#report)) {
        const report = JSON.parse(readFileSync(this.#report, 'utf8')) as PipeReport
        if (report.ended) return report
      }
      await sleep(50)
    }
    throw new Error('what stands for ssh has not ended')
  }
}

function writeCommand(path: string, words: readonly string[]): void {
  const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
  writeFileSync(path, `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`)
  chmodSync(path, 0o755)
}
