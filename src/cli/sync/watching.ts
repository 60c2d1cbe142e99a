import { displayName } from '../../bytes/name.ts'
import { StatusWriter } from '../../sync/folder-status.ts'
import type { StepPeer } from '../../sync/keep-in-step.ts'
import { keepFolder } from '../../sync/keep-folder.ts'
import type { KeepEvent } from '../../sync/keep-folder.ts'
import type { OpenCopy } from '../../sync/link.ts'
import type { Pulled } from '../../sync/pulled.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import type { Context } from '../context.ts'
import { formatDuration } from '../format.ts'
import { modeOf } from './open-link.ts'
import type { OpenedLink } from './open-link.ts'
import { mayOnlyReadText, sessionJson, tellSession } from './session-report.ts'
import { goTo } from './work.ts'
import type { Work } from './work.ts'

/** Keeps a folder in step with its peers until stopped, and says what happens as it happens. */
export async function syncWatching(
  context: Context,
  open: () => Promise<OpenCopy>,
  work: Work,
): Promise<void> {
  const { guard, signal } = work
  const { own, peers } = work.parties
  let copy: OpenCopy | undefined
  let last: Promise<void> = Promise.resolve()
  const say = (act: () => Promise<void>): void => {
    last = last.then(act).catch(() => {})
  }
  const links = new Map<string, { link: OpenedLink; taken: Pulled[] }>()
  const stepPeers = peers.map((peer): StepPeer => ({
    name: peer.name,
    mode: modeOf(peer),
    async connect() {
      const taken: Pulled[] = []
      const link = await goTo(copy!, peer, work, (pulled) => taken.push(pulled))
      links.set(peer.name, { link, taken })
      if (link.mayOnlyRead === true) say(() => context.warn(`${peer.name}: ${mayOnlyReadText}`))
      return link
    },
  }))
  const status = new StatusWriter(own, peers)
  const onEvent = (event: KeepEvent): void => {
    const met = 'peer' in event ? links.get(event.peer) : undefined
    const told = met?.link.traffic === undefined ? met?.taken.splice(0) : undefined
    status.take(event)
    if (event.kind !== 'synchronized') return say(() => tellEvent(context, event))
    const peer = peers.find(({ name }) => name === event.peer)!
    const { result } = event
    const session = { peer: peer.name, place: peer.place, own, result, taken: told, traffic: undefined }
    say(async () => {
      await tellSession(context, session, true)
      await context.out.flush()
    })
  }
  const names = peers.map(({ name }) => name).join(', ')
  await context.note(`keeping ${displayName(own)} in step with ${names} (Ctrl-C ends it)`)
  const onOpen = (opened: OpenCopy): void => void (copy = opened)
  await keepFolder(open, stepPeers, { guard, signal, onEvent, onOpen })
  await status.flush()
  await last
}

/** `folder`: of which, where there are several. */
export async function tellEvent(
  context: Context,
  event: Exclude<KeepEvent, { kind: 'synchronized' }>,
  folder?: string,
): Promise<void> {
  const where = folder === undefined ? '' : `${folder}: `
  if (event.kind === 'connected') {
    if (context.options.verbose) await context.note(`${where}${event.peer}: connected`)
  } else if (event.kind === 'back') await context.note(`${where}the folder is back`)
  else {
    const who = event.kind === 'failed' ? `${event.peer}: ` : ''
    const again = `(again in ${formatDuration(event.waitMs)})`
    await context.warn(`${where}${who}${event.error.message} ${again}`)
  }
}

/** As `--json` has it. */
export function keepEventJson(
  folder: { readonly path: string; readonly peers: readonly KnownPeer[] },
  event: KeepEvent,
  taken: readonly Pulled[] | undefined,
): object {
  switch (event.kind) {
    case 'synchronized': {
      const { peer, result } = event
      const { place = '' } = folder.peers.find(({ name }) => name === peer) ?? {}
      const session = { peer, place, own: folder.path, result, taken, traffic: undefined }
      return { event: event.kind, ...sessionJson(session) }
    }
    case 'connected':
      return { event: event.kind, peer: event.peer }
    case 'back':
      return { event: event.kind }
    default: {
      const { code, message } = event.error
      const peer = event.kind === 'failed' ? { peer: event.peer } : {}
      return { event: event.kind, ...peer, error: { code, message }, waitMs: Math.round(event.waitMs) }
    }
  }
}
