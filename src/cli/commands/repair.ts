import { TidemarkError } from '../../errors.ts'
import { shortId } from '../../history/name-snapshot.ts'
import { repair } from '../../history/repair.ts'
import type { RepairReport } from '../../history/repair.ts'
import { idToHex } from '../../object/id.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { findingJson, printFindings } from '../findings.ts'
import { formatNumberOf, formatSize } from '../format.ts'
import { flag } from '../options.ts'
import { openContextBucket, refuseOf } from '../open-place.ts'
import { safeText } from '../safe-text.ts'

export const command: Command = defineCommand({
  about:
    'Makes the index of a repository anew from its packs, saves what is whole out of damaged ones, and says ' +
    'exactly what is lost. Damage inside a pack is found with --data only, which reads everything. No snapshot is ' +
    'deleted unless --drop-damaged asks for it. What was lost and is still in the folder comes back with the next ' +
    'snapshot, which reads all of it.',
  arguments: [],
  options: {
    data: flag('--data', 'read everything, to find damage that does not show otherwise'),
    replace: flag('--replace', 'write for each damaged snapshot another one, which says what is lost'),
    dropDamaged: flag('--drop-damaged', 'with --replace: then delete the damaged ones'),
  },
  examples: [
    { command: 'tidemark repair', shows: 'after verify has found damage' },
    { command: 'tidemark repair --data', shows: 'after verify --data has found damage' },
    { command: 'tidemark repair --data --replace', shows: 'all that can be done without losing anything' },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, _args, { data, replace, dropDamaged }) {
    if (dropDamaged && !replace) throw new TidemarkError('usage', '--drop-damaged goes with --replace')
    refuseOf(context, 'repair mends')
    const { bucket, name } = await openContextBucket(context)
    const report = await repair(bucket, { data, replace, dropDamaged, signal: context.signal })
    if (context.json) await printJson(context, report)
    else await print(context, report, name, data)
    return report.findings.some(({ harm }) => harm) ? 'damage' : undefined
  },
})

async function printJson(context: Context, report: RepairReport): Promise<void> {
  const { findings, damagedPacks, replaced, deletedSnapshots, ...counts } = report
  await context.printJson({
    ...counts,
    damagedPacks: damagedPacks.map(idToHex),
    replaced: replaced.map(({ damaged, by }) => ({ damaged: idToHex(damaged), by: idToHex(by) })),
    deletedSnapshots: deletedSnapshots.map(idToHex),
    findings: findings.map(findingJson),
  })
}

async function print(context: Context, report: RepairReport, name: string, data: boolean): Promise<void> {
  const { chunks, damagedPacks, salvagedChunks, salvagedBytes, newConfig, replaced, deletedSnapshots } =
    report
  await context.tell(`${safeText(name)}: new index of ${formatNumberOf(chunks, 'chunk')}`)
  if (newConfig) await context.tell('its configuration was lost: it has a new one')
  if (damagedPacks.length > 0) {
    const saved = `${formatNumberOf(salvagedChunks, 'chunk')} (${formatSize(salvagedBytes)}) saved out of them`
    await context.tell(`${formatNumberOf(damagedPacks.length, 'damaged pack')}: ${saved}`)
  }
  for (const { damaged, by } of replaced)
    await context.tell(`${shortId(damaged)} is damaged: ${shortId(by)} has what is left of it`)
  if (deletedSnapshots.length > 0)
    await context.tell(`${formatNumberOf(deletedSnapshots.length, 'damaged snapshot')} deleted`)
  await printFindings(context, report.findings)
  const { out } = context
  const whole = data ? 'all is whole' : 'whole, as far as it shows without reading the packs (--data does)'
  if (!report.findings.some(({ harm }) => harm)) await context.tell(out.style('green', whole))
  else if (deletedSnapshots.length > 0) await context.note('what is listed above is lost; the rest is whole')
  else await context.note('what is damaged still can be read but for what is listed above')
}
