import { displayName } from '../../bytes/name.ts'
import type { StepPeer } from '../../sync/keep-in-step.ts'
import { keepFolder } from '../../sync/keep-folder.ts'
import type { KeepEvent } from '../../sync/keep-folder.ts'
import type { OpenCopy } from '../../sync/link.ts'
import type { Pulled } from '../../sync/pull.ts'
import type { Context } from '../context.ts'
import { formatDuration } from '../format.ts'
import { safeText } from '../safe-text.ts'
import { modeOf } from './open-link.ts'
import type { OpenedLink } from './open-link.ts'
import { tellSession } from './session-report.ts'
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
      return link
    },
  }))
  const onEvent = (event: KeepEvent): void => {
    if (event.kind !== 'synchronized') return say(() => tellEvent(context, event))
    const peer = peers.find(({ name }) => name === event.peer)!
    const { link, taken } = links.get(event.peer)!
    const { result } = event
    const isFar = link.traffic !== undefined
    const told = isFar ? undefined : taken.splice(0)
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
  await last
}

export function tellEvent(
  context: Context,
  event: Exclude<KeepEvent, { kind: 'synchronized' }>,
): Promise<void> {
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
