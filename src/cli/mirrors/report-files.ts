import { renameSync, writeFileSync } from 'node:fs'
import { fromSystem } from '../../errors.ts'
import { printMetrics } from '../../mirror/follow/metrics.ts'
import type { MirrorStatus } from '../../mirror/follow/status.ts'
import { toJson } from '../safe-text.ts'
import { statusJson } from './status-text.ts'

export interface ReportFiles {
  /** The status as JSON. */
  readonly status: string | undefined
  /** The same for Prometheus. */
  readonly metrics: string | undefined
}

/** Writes the files anew, each in one step: whoever reads them never sees half of one. */
export function writeReports({ status, metrics }: ReportFiles, what: MirrorStatus): void {
  if (status !== undefined) replaceFile(status, `${toJson(statusJson(what))}\n`)
  if (metrics !== undefined) replaceFile(metrics, printMetrics(what))
}

function replaceFile(path: string, text: string): void {
  try {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw fromSystem(error, `write ${path}`)
  }
}
