import { formatCount, formatDuration, formatNumberOf, formatSize } from './format.ts'
import type { Output } from './output.ts'

/** How far a long piece of work has come; the library reports in this shape. */
export interface Progress {
  readonly phase: string
  readonly files: number
  readonly bytes: number
  readonly totalFiles?: number | undefined
  readonly totalBytes?: number | undefined
}

const patience = 1000
const interval = 200

/**
 * One line on standard error that says how far a piece of work has come. Nothing is shown when standard error
 * is no terminal, nor in the first second.
 */
export class ProgressLine {
  readonly #output: Output
  readonly #shown: boolean
  readonly #start: number
  #drawnAt = 0
  #drawn = false

  constructor(output: Output, shown: boolean) {
    this.#output = output
    this.#shown = shown && output.terminal
    this.#start = performance.now()
  }

  update(progress: Progress): void {
    this.#draw((elapsed) => describeProgress(progress, elapsed))
  }

  /** For work that is counted in steps. */
  step(phase: string, done: number, total: number): void {
    this.#draw(() => `${phase}  ${formatCount(done)} of ${formatCount(total)}`)
  }

  #draw(describe: (elapsed: number) => string): void {
    if (!this.#shown) return
    const now = performance.now()
    if (now - this.#start < patience || now - this.#drawnAt < interval) return
    this.#drawnAt = now
    this.#drawn = true
    const line = describe(now - this.#start).slice(0, this.#output.width - 1)
    this.#output.stream.write(`\r${line}\u001b[K`)
  }

  /** Takes the line away, so that others can write where it was. */
  clear(): void {
    if (this.#drawn) this.#output.stream.write('\r\u001b[K')
    this.#drawn = false
  }
}

/** "reading  1,204 of 9,000 files  1.2 GiB of 3.4 GiB  210 MiB/s  11s left". `elapsed` in milliseconds. */
export function describeProgress(progress: Progress, elapsed: number): string {
  const { phase, files, bytes, totalFiles, totalBytes } = progress
  const parts = [phase, ofTotal(files, totalFiles), ofTotalSize(bytes, totalBytes)]
  const rate = (bytes * 1000) / Math.max(elapsed, 1)
  if (bytes > 0) parts.push(`${formatSize(Math.round(rate))}/s`)
  if (totalBytes !== undefined && bytes > 0 && totalBytes > bytes) {
    parts.push(`${formatDuration(Math.ceil((totalBytes - bytes) / rate) * 1000)} left`)
  }
  return parts.join('  ')
}

function ofTotal(files: number, total: number | undefined): string {
  return total === undefined
    ? formatNumberOf(files, 'file')
    : `${formatCount(files)} of ${formatNumberOf(total, 'file')}`
}

function ofTotalSize(bytes: number, total: number | undefined): string {
  return total === undefined ? formatSize(bytes) : `${formatSize(bytes)} of ${formatSize(total)}`
}
