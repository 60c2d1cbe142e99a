import type { MirrorStatus } from './status.ts'

/**
 * The status in the text format of Prometheus (0.0.4), for the textfile collector of its node_exporter. The label
 * tells mirrors of one machine apart.
 */
export function printMetrics(status: MirrorStatus): string {
  const label = `{directory="${escapeLabel(status.directory)}"}`
  const lines: string[] = []
  const metric = (name: string, type: 'gauge' | 'counter', help: string, value: number | undefined): void => {
    if (value === undefined) return
    const full = `tidemark_mirror_${name}`
    lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, `${full}${label} ${value}`)
  }
  const { completeAt, total } = status
  metric(
    'up',
    'gauge',
    'Whether the origin could be followed when that was tried last.',
    status.error === undefined ? 1 : 0,
  )
  metric(
    'complete_timestamp_seconds',
    'gauge',
    'When the mirror was what the origin was, last.',
    completeAt === undefined ? undefined : completeAt / 1000,
  )
  metric(
    'epoch',
    'gauge',
    'The newest epoch of the index that is known.',
    status.epoch === undefined ? undefined : Number(status.epoch),
  )
  metric('sequence', 'gauge', 'The number of the head that is followed.', status.sequence)
  metric('items', 'gauge', 'Items in their places.', status.items)
  metric('wanted', 'gauge', 'Contents that wait to be fetched.', status.wanted)
  metric('deletes', 'gauge', 'Deletes that wait to be done.', status.deletes)
  metric('set_aside', 'gauge', 'Items that could not be had and are tried again later.', status.aside)
  metric('files_total', 'counter', 'Files fetched.', total.files)
  metric('bytes_total', 'counter', 'Bytes fetched.', total.bytes)
  metric('deleted_total', 'counter', 'Entries deleted.', total.deleted)
  return `${lines.join('\n')}\n`
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
