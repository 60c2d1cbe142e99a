import { TidemarkError } from '../../errors.ts'
import { verify } from '../../history/verify.ts'
import type { VerifyReport } from '../../history/verify.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import type { Context } from '../context.ts'
import { findingJson, printFindings } from '../findings.ts'
import { formatNumberOf, formatSize } from '../format.ts'
import { flag } from '../options.ts'
import { openContextBucket, refuseOf } from '../open-place.ts'
import { safeText } from '../safe-text.ts'

type Subset = readonly [part: number, of: number]

export const command: Command = defineCommand({
  about:
    'Checks that everything which snapshots name is there and fits together; with --data also every byte of ' +
    'it: all is read, unpacked and hashed again. Says which files of which snapshots any damage hits. Changes ' +
    'nothing.',
  arguments: [],
  options: {
    data: flag('--data', 'read and hash everything'),
    subset: {
      flags: '--subset <n/m>',
      summary: 'with --data: only the n-th of m parts, as 1/7 on Mondays, 2/7 on Tuesdays',
      parse: parseSubset,
    } satisfies OptionSpec<Subset>,
  },
  examples: [
    { command: 'tidemark verify', shows: 'quick: the structure' },
    { command: 'tidemark verify --data', shows: 'every byte' },
    { command: 'tidemark verify --data --subset 1/7', shows: 'a seventh of them' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, _args, { data, subset }) {
    if (subset !== undefined && !data) throw new TidemarkError('usage', '--subset goes with --data')
    refuseOf(context, 'verify checks')
    const { bucket, name } = await openContextBucket(context)
    const progress = context.progress()
    try {
      const report = await verify(bucket, {
        data,
        subset,
        signal: context.signal,
        onProgress: ({ phase, done, total }) => progress.step(`checking ${phase}`, done, total),
      })
      progress.clear()
      if (context.json) await printJson(context, report)
      else await print(context, report, name)
      return report.whole ? undefined : 'damage'
    } finally {
      progress.clear()
    }
  },
})

function parseSubset(text: string): Subset {
  const [, part, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []
  const subset = [Number(part), Number(of)] as const
  if (subset[0] >= 1 && subset[0] <= subset[1]) return subset
  throw new TidemarkError('usage', `${text}: not a part like 1/7`)
}

async function printJson(context: Context, { findings, ...report }: VerifyReport): Promise<void> {
  await context.printJson({ ...report, findings: findings.map(findingJson) })
}

async function print(context: Context, report: VerifyReport, name: string): Promise<void> {
  const { findings, whole, snapshots, packs, chunks, bytesRead } = report
  await printFindings(context, findings)
  const counts = [
    formatNumberOf(snapshots, 'snapshot'),
    formatNumberOf(chunks, 'chunk'),
    formatNumberOf(packs, 'pack'),
    bytesRead === 0 ? 'content not read' : `${formatSize(bytesRead)} read`,
  ]
  const { out } = context
  const verdict = whole
    ? out.style('green', 'whole')
    : out.style('red', `damaged (what can be done: tidemark repair${bytesRead === 0 ? '' : ' --data'})`)
  if (mayComeBack(report))
    await context.tell(
      'What is called lost may be in packs that the index does not tell of: repair looks there.',
    )
  await context.tell(`${safeText(name)}: ${counts.join(', ')}: ${verdict}`)
}

/** Whether chunks are missing only as far as the index goes, which is not whole. */
function mayComeBack({ findings }: VerifyReport): boolean {
  const codes = new Set(findings.map(({ code }) => code))
  return codes.has('chunk-missing') && (codes.has('segment-damaged') || codes.has('pack-unindexed'))
}
