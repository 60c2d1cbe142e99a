import { randomBytes } from 'node:crypto'
import { displayName } from '../../bytes/name.ts'
import { isTidemarkError } from '../../errors.ts'
import { Folder } from '../../folder/folder.ts'
import { checkVanishing } from '../../sync/guard.ts'
import type { Guard } from '../../sync/guard.ts'
import { isFolder } from '../../sync/introduce.ts'
import { localPeer } from '../../sync/local-pair.ts'
import { checkRemembered } from '../../sync/meet.ts'
import { Onlooker } from '../../sync/onlooker.ts'
import type { Peer } from '../../sync/peer.ts'
import { parsePlace } from '../../sync/place.ts'
import { askFolder } from '../../sync/remote-link.ts'
import { planSync } from '../../sync/plan.ts'
import type { SyncPlan } from '../../sync/plan.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import type { Change } from '../../tree/change.ts'
import { ChangePrinter, changeJson } from '../changes.ts'
import type { Context } from '../context.ts'
import { safeText } from '../safe-text.ts'
import { modeOf, nameThere, openRemote, openStream, reachOf } from './open-link.ts'
import type { Reach } from './open-link.ts'
import type { Work } from './work.ts'
import { mayOnlyReadText, textOfConflict } from './session-report.ts'

/** Prints what sync would do with each peer, and changes nothing. Returns whether it would be done. */
export async function printPlans(context: Context, { parties, guard, reach }: Work): Promise<boolean> {
  const { own, peers } = parties
  let allowed = true
  for (const peer of peers) {
    if (peers.length > 1 && !context.json) await context.print(context.out.style('bold', `with ${peer.name}`))
    const plan = (given: SyncPlan): Promise<boolean> => print(context, own, peer, given, guard)
    allowed = (await withBoth(context, own, peer, reachOf(peer, reach), plan)) && allowed
  }
  return allowed
}

async function withBoth<T>(
  context: Context,
  own: string,
  known: KnownPeer,
  reach: Reach,
  use: (plan: SyncPlan) => Promise<T>,
): Promise<T> {
  const { signal } = context
  const place = parsePlace(known.place, '/')
  const mode = modeOf(known)
  if (place.kind !== 'directory') {
    const there = async (): Promise<string | undefined> =>
      askFolder(await openStream(place, reach, context), { place: nameThere(place), signal })
    const mine = await Onlooker.open(own, (await folderId(own)) ?? (await there()) ?? randomId(), { signal })
    try {
      const link = await openRemote(mine, place, mode, reach, { signal })
      try {
        if (link.mayOnlyRead === true) await context.warn(`${known.name}: ${mayOnlyReadText}`)
        return await planSync(mine, link.peer, { mode: link.mode, signal }, use)
      } finally {
        await link.close()
      }
    } finally {
      mine.close()
    }
  }
  await checkRemembered(own, place.path)
  await checkRemembered(place.path, own)
  const id = (await folderId(own)) ?? (await folderId(place.path)) ?? randomId()
  const mine = await Onlooker.open(own, id, { signal })
  try {
    const theirs = await Onlooker.open(place.path, id, { signal })
    try {
      const peer: Peer = localPeer(mine, theirs)
      return await planSync(mine, peer, { mode, signal }, use)
    } finally {
      theirs.close()
    }
  } finally {
    mine.close()
  }
}

function randomId(): string {
  return randomBytes(16).toString('hex')
}

async function folderId(directory: string): Promise<string | undefined> {
  if (!isFolder(directory)) return undefined
  const folder = await Folder.open(directory)
  folder.close()
  return folder.settings.folder
}

async function print(
  context: Context,
  own: string,
  { name, place }: KnownPeer,
  plan: SyncPlan,
  guard: Guard,
): Promise<boolean> {
  const sides = [
    ['here', own, plan.here],
    ['there', place, plan.there],
  ] as const
  for (const [side, where, changes] of sides) {
    const printer = new SidePrinter(context, side, name)
    if (!context.json) await context.print(`${safeText(displayName(where))}:`)
    for await (const change of changes) await printer.print(change)
    await printer.end()
  }
  for (const conflict of plan.conflicts) {
    const { path, copy, winner, loser } = conflict
    if (context.json)
      await context.printJson({ peer: name, conflict: { path, copy: copy ?? null, winner, loser } })
    else await context.print(`conflict: ${textOfConflict(conflict)}`)
  }
  const refusals = [
    refusalOf(() => checkVanishing(plan.mine, plan.mineThen, guard, own)),
    refusalOf(() => checkVanishing(plan.theirs, plan.theirsThen, guard, place)),
  ].filter((refusal) => refusal !== undefined)
  for (const refusal of refusals) await context.warn(refusal)
  return refusals.length === 0
}

function refusalOf(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (isTidemarkError(error, 'limit')) return error.message
    throw error
  }
}

/** The changes of one side. */
class SidePrinter extends ChangePrinter {
  readonly #side: string
  readonly #peer: string

  constructor(context: Context, side: string, peer: string) {
    super(context, { nameOnly: false, null: false })
    this.#side = side
    this.#peer = peer
  }

  protected override async printContent(change: Change): Promise<boolean> {
    if (!this.context.json) return false
    await this.context.printJson({ peer: this.#peer, side: this.#side, ...changeJson(change) })
    return true
  }
}
