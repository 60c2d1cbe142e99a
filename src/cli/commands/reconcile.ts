import { profiles } from '../../reconcile/index.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatSize } from '../format.ts'
import { choice, flag } from '../options.ts'
import { compareSources, type Comparison } from '../sets/compare-sources.ts'
import { closeSource, openSource } from '../sets/set-source.ts'

export const command: Command = defineCommand({
  about:
    'Shows how two sets differ: - what only A has, + what only B has. A set is a file of lines (- for standard ' +
    'input), a directory (each path with its content), a .sketch file, the URL of a served set or of a .sketch file, ' +
    'or a table: duckdb:FILE#TABLE.COLUMN, postgres://…#TABLE.COLUMN, or with a query instead of the column. ' +
    'Only sketches travel, as large as the difference, not the sets; what it cost is said at the end. Of a ' +
    '.sketch file only ids can be told.',
  arguments: [
    { name: '<a>', summary: 'a set', completes: 'path' },
    { name: '<b>', summary: 'the other', completes: 'path' },
  ],
  options: {
    profile: choice(
      '--profile <name>',
      'how sketches spread: large for ten thousand differences and more',
      ['general', 'large'],
      'general',
    ),
    exitCode: flag('--exit-code', 'end with 8 when there is any difference'),
  },
  examples: [
    { command: 'tidemark reconcile docs docs', shows: 'two directories' },
    { command: 'ls | tidemark reconcile - notes.txt', shows: 'two lists of lines' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused', 'negative'],
  async run(context, [nameA = '', nameB = ''], options) {
    const { signal } = context
    const a = await openSource(nameA, signal)
    try {
      const b = await openSource(nameB, signal)
      try {
        const comparison = await compareSources(a, b, { profile: profiles[options.profile], signal })
        await report(context, comparison)
        const { onlyA, onlyB, either } = comparison
        return options.exitCode && onlyA.length + onlyB.length + either.length > 0 ? 'negative' : undefined
      } finally {
        await closeSource(b)
      }
    } finally {
      await closeSource(a)
    }
  },
})

async function report(context: Context, comparison: Comparison): Promise<void> {
  const { onlyA, onlyB, either, way, proven, cost } = comparison
  if (context.json) {
    await context.printJson({ onlyA, onlyB, either, way, proven, ...cost })
    return
  }
  const { out } = context
  for (const item of onlyA.toSorted()) await context.print(out.style('red', `- ${item}`))
  for (const item of onlyB.toSorted()) await context.print(out.style('green', `+ ${item}`))
  for (const item of either.toSorted()) await context.print(`? ${item}`)
  const found =
    way === 'equal'
      ? ['equal']
      : [
          `${onlyA.length} only in A, ${onlyB.length} only in B`,
          ...(either.length > 0 ? [`${either.length} on either side`] : []),
          ...(proven ? [] : ['not proven: a sketch alone has no items']),
        ]
  const bytes = cost.bytesSent + cost.bytesReceived
  await context.note(
    `${found.join(', ')}; ${formatNumberOf(cost.requests, 'round trip')}, ${formatSize(bytes)}`,
  )
}
