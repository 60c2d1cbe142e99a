import type { OverviewRow } from '../../recent/index.ts'
import { formatCount } from '../format.ts'
import { alignTable } from '../table.ts'

/** The table of `recent overview`, columns as the Perl program has them. */
export function overviewTable(rows: readonly OverviewRow[], verbose: boolean): string[] {
  const more = ['Dirtymark', 'Produced', 'Merged']
  const head = ['Ival', 'Cnt', ...(verbose ? more : []), 'Max', 'Min', 'Span', 'Util', 'Cloud']
  const lines = rows.map((row) => {
    const { interval, count, dirtymark, produced, merged, max, min, span, util, cloud } = row
    const extra = verbose ? [dirtymark, produced, merged].map(seconds) : []
    return [
      interval,
      formatCount(count),
      ...extra,
      seconds(max),
      seconds(min),
      span === undefined ? '-' : span.toFixed(2),
      util === undefined ? '-' : `${(100 * util).toFixed(1)}%`,
      cloud,
    ]
  })
  const aligns = head.map((name) => (name === 'Cloud' ? 'left' : 'right'))
  return alignTable([head, ...lines], aligns)
}

function seconds(epoch: string | undefined): string {
  return epoch === undefined ? '-' : Number(epoch).toFixed(2)
}
