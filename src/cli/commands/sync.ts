import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { defaultGuard } from '../../sync/guard.ts'
import type { Guard } from '../../sync/guard.ts'
import { openIntroduced } from '../../sync/introduce.ts'
import type { StepPeer } from '../../sync/keep-in-step.ts'
import { keepFolder } from '../../sync/keep-folder.ts'
import type { KeepEvent } from '../../sync/keep-folder.ts'
import { openCopy } from '../../sync/link.ts'
import type { Link, OpenCopy } from '../../sync/link.ts'
import { meet, remember } from '../../sync/meet.ts'
import { modes } from '../../sync/mode.ts'
import type { Mode } from '../../sync/mode.ts'
import { parsePlace } from '../../sync/place.ts'
import type { Pulled, PullProgress } from '../../sync/pull.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import { synchronize } from '../../sync/synchronize.ts'
import type { Synchronized } from '../../sync/synchronize.ts'
import { displayName } from '../../bytes/name.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import type { Context } from '../context.ts'
import { exitCodes, exitOf } from '../exit-codes.ts'
import type { Exit } from '../exit-codes.ts'
import { formatDuration } from '../format.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { choice, flag } from '../options.ts'
import { safeText } from '../safe-text.ts'
import { printPlans } from '../sync/dry-run.ts'
import { openLink } from '../sync/open-link.ts'
import { asPeerOf, findParties } from '../sync/parties.ts'
import type { Parties } from '../sync/parties.ts'
import { isWhole, tellSession } from '../sync/session-report.ts'

export const command: Command = defineCommand({
  about:
    'Makes two directories equal, whatever has changed on either side since the last time, and remembers both as ' +
    'copies of one folder: "tidemark sync" alone does it again, with all peers of the folder. A place is a directory, ' +
    'ssh://[user@]host[:port]/path (/~/path counts from the home there) or tidemark://host:port/name. The first time, ' +
    'files that are equal are recognised. Where both sides have changed a file the newer version keeps the name, and ' +
    'the other stays beside it ("tidemark conflicts"). Every version stays in the history of both. When more than half ' +
    'of a folder would vanish nothing is done.',
  arguments: [
    { name: '[a]', summary: 'a directory; or a peer by its name', completes: 'place' },
    { name: '[b]', summary: 'the other; without it A is brought in step with its peers', completes: 'place' },
  ],
  options: {
    dryRun: flag('-n, --dry-run', 'print what would be done on either side, and change nothing'),
    watch: flag('--watch', 'go on until stopped (Ctrl-C): each change is there at once'),
    mode: modeOption('--mode <mode>', 'which way changes go, seen from A: else as the peer is noted'),
    allowDeletes: flag('--allow-deletes', 'also when more than half of a folder vanishes'),
    history: choice(
      '--history <kind>',
      'of a folder that is made: keep every version, or none',
      ['kept', 'none'],
      'kept',
    ),
    join: flag('--join', 'though B is another folder: make it a copy of A'),
  },
  examples: [
    { command: 'tidemark sync . ../copy', shows: 'a second copy, made if it is not there' },
    { command: 'tidemark sync ../copy && tidemark sync', shows: 'once more, with all that are known' },
    { command: 'tidemark sync ../copy --dry-run', shows: 'what that would do on either side' },
    { command: 'tidemark sync . ../copy --watch', shows: 'in step until Ctrl-C' },
    { command: 'tidemark sync . ssh://ann@example.org/~/notes', shows: 'with a copy on another machine' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, [one, other], options) {
    const parties = await findParties(context, one, other, options.mode)
    const guard: Guard = options.allowDeletes ? { maxVanishing: 1 } : defaultGuard
    if (options.dryRun && options.watch) throw new TidemarkError('usage', 'either --dry-run or --watch')
    if (options.dryRun) return (await printPlans(context, parties, guard)) ? undefined : 'refused'
    await keepHeapLean()
    const introduced = await introduceAll(parties, options)
    const watch = options.watch ? {} : undefined
    const open = async (): Promise<OpenCopy> => openCopy(await openIntroduced(introduced), { watch })
    if (options.watch) {
      await watchAll(context, open, parties, guard)
      return undefined
    }
    const copy = await open()
    try {
      return await syncAll(context, copy, parties, guard)
    } finally {
      await copy.close()
    }
  },
})

function modeOption(flags: string, summary: string): OptionSpec<Mode | undefined> {
  return { flags, summary: `${summary} (${modes.join(', ')})`, parse: parseMode, completes: modes }
}

function parseMode(text: string): Mode {
  const mode = modes.find((word) => word === text)
  if (mode !== undefined) return mode
  throw new TidemarkError('usage', `${text}: not one of ${modes.join(', ')}`)
}

interface IntroduceChoices {
  readonly history: 'kept' | 'none'
  readonly join: boolean
}

/** Resolves with the root of the folder of this side. */
async function introduceAll(
  { own, peers, named }: Parties,
  { history, join }: IntroduceChoices,
): Promise<string> {
  if (!named) return own
  const [peer] = peers
  const place = parsePlace(peer!.place, '/')
  if (place.kind !== 'directory') throw new TidemarkError('unsupported', `${peer!.place}: not yet`)
  const [mine, theirs] = await meet(own, place.path, { history, join })
  mine.close()
  theirs.close()
  await remember(mine.root, { ...peer!, place: theirs.root })
  await remember(theirs.root, asPeerOf(mine.root, peer!))
  return mine.root
}

/** Goes to each of them, and again to those that do not have yet what a later one had. */
async function syncAll(
  context: Context,
  copy: OpenCopy,
  { peers }: Parties,
  guard: Guard,
): Promise<Exit | undefined> {
  const behind = new Map<KnownPeer, Synchronized | undefined>(peers.map((peer) => [peer, undefined]))
  let exit: Exit | undefined
  for (let round = 0; round < 2 && behind.size > 0; round++) {
    let newest
    for (const peer of behind.keys()) {
      try {
        const session = await syncOne(context, copy, peer, guard)
        newest = session.result.mine
        behind.set(peer, session.result)
        if (!session.whole) exit = 'partial'
      } catch (error) {
        behind.delete(peer)
        if (peers.length === 1 || !isTidemarkError(error) || context.signal.aborted) throw error
        await context.warn(`${peer.name}: ${error.message}`)
        exit = worst(exit, exitOf(error))
      }
    }
    for (const [peer, result] of behind) if (result?.theirs.id === newest?.id) behind.delete(peer)
    if (peers.length === 1) break
  }
  return exit
}

function worst(one: Exit | undefined, other: Exit): Exit {
  return one === undefined || exitCodes[other] > exitCodes[one] ? other : one
}

async function syncOne(
  context: Context,
  copy: OpenCopy,
  peer: KnownPeer,
  guard: Guard,
): Promise<{ result: Synchronized; whole: boolean }> {
  const progress = context.progress()
  const taken: Pulled[] = []
  const { signal } = context
  const link = await openLink(copy, peer, { guard, signal, onPulled: (pulled) => taken.push(pulled) })
  try {
    const onProgress = ({ phase, files, bytes }: PullProgress): void =>
      progress.update({ phase: phases[phase], files, bytes })
    const result = await synchronize(copy.replica, link.peer, {
      mode: modeOf(peer),
      guard,
      signal,
      onProgress,
    })
    progress.clear()
    const session = {
      peer: peer.name,
      place: peer.place,
      own: copy.folder.root,
      result,
      taken: link.tells ? taken : undefined,
    }
    await tellSession(context, session, false)
    return { result, whole: isWhole(session) }
  } finally {
    progress.clear()
    await link.close()
  }
}

const phases = { trees: 'comparing', contents: 'fetching', files: 'writing' } as const

function modeOf({ mode, readOnly }: KnownPeer): Mode {
  return readOnly ? 'send' : mode
}

async function watchAll(
  context: Context,
  open: () => Promise<OpenCopy>,
  { own, peers }: Parties,
  guard: Guard,
): Promise<void> {
  const { signal } = context
  let copy: OpenCopy | undefined
  let last: Promise<void> = Promise.resolve()
  const say = (act: () => Promise<void>): void => {
    last = last.then(act).catch(() => {})
  }
  const taken = new Map<string, Pulled[]>()
  const stepPeers = peers.map((peer): StepPeer => {
    const pulled: Pulled[] = []
    taken.set(peer.name, pulled)
    return {
      name: peer.name,
      mode: modeOf(peer),
      connect: (): Promise<Link> =>
        openLink(copy!, peer, { guard, watch: {}, signal, onPulled: (one) => pulled.push(one) }),
    }
  })
  const onEvent = (event: KeepEvent): void => {
    if (event.kind !== 'synchronized') return say(() => tellEvent(context, event))
    const peer = peers.find(({ name }) => name === event.peer)!
    const session = {
      peer: peer.name,
      place: peer.place,
      own,
      result: event.result,
      taken: taken.get(peer.name)!.splice(0),
    }
    say(async () => {
      await tellSession(context, session, true)
      await context.out.flush()
    })
  }
  await context.note(
    `keeping ${displayName(own)} in step with ${peers.map(({ name }) => name).join(', ')} (Ctrl-C ends it)`,
  )
  await keepFolder(open, stepPeers, { guard, signal, onEvent, onOpen: (opened) => void (copy = opened) })
  await last
}

function tellEvent(context: Context, event: Exclude<KeepEvent, { kind: 'synchronized' }>): Promise<void> {
  switch (event.kind) {
    case 'connected':
      return context.options.verbose ? context.note(`${event.peer}: connected`) : Promise.resolve()
    case 'back':
      return context.note('the folder is back')
    case 'away':
      return context.warn(`${event.error.message} (again in ${formatDuration(event.waitMs)})`)
    case 'failed':
      return context.warn(
        `${safeText(event.peer)}: ${event.error.message} (again in ${formatDuration(event.waitMs)})`,
      )
  }
}
