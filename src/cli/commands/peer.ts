import { TidemarkError } from '../../errors.ts'
import { modes } from '../../sync/mode.ts'
import { formatPlace, parsePlace } from '../../sync/place.ts'
import { checkPeerName, readSyncSettings, writeSyncSettings } from '../../sync/sync-settings.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { choice, flag, text } from '../options.ts'
import { openOwnFolder } from '../open-place.ts'
import { safeText } from '../safe-text.ts'
import { alignTable } from '../table.ts'

const actions = ['list', 'add', 'remove'] as const

export const command: Command = defineCommand({
  about:
    'Says with whom this folder is kept in step. "peer add NAME PLACE" notes another copy of it: a directory, ' +
    'ssh://[user@]host[:port]/path (/~/path counts from the home there) or tidemark://host:port/name. "tidemark sync" ' +
    'then goes to all of them, and "tidemark up" keeps in step with them. Adding one looks at nothing yet; adding ' +
    'one of the same name changes it. "peer remove NAME" forgets one, and touches no files.',
  arguments: [
    { name: '[action]', summary: `${actions.join(', ')}; list when left out`, completes: actions },
    { name: '[name]', summary: 'what to call it', completes: 'peer' },
    { name: '[place]', summary: 'add: where it is', completes: 'place' },
  ],
  options: {
    mode: choice('--mode <mode>', 'add: which way changes go, seen from here', modes, 'two-way'),
    readOnly: flag('--read-only', 'add: it may read all, and change nothing here'),
    remoteCommand: text('--remote-command <command>', 'add: over ssh: what to run there (else tidemark)'),
  },
  examples: [
    { command: 'tidemark peer add laptop ssh://ann@laptop/~/notes', shows: 'a copy on another machine' },
    {
      command: 'tidemark peer add disk ../disk/notes --mode send',
      shows: 'one that is only ever given what is here',
    },
    { command: 'tidemark peer', shows: 'who there is' },
    {
      command: 'tidemark peer add old ../old && tidemark peer remove old',
      shows: 'one that is forgotten again',
    },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, [action = 'list', name, place], options) {
    const { root } = await openSettled(context)
    const settings = await readSyncSettings(root)
    const { peers } = settings
    if (action === 'list') {
      if (name !== undefined) throw new TidemarkError('usage', 'peer list takes no name')
      await printPeers(context, peers)
      return undefined
    }
    if (name === undefined) throw new TidemarkError('usage', `peer ${action} takes a name`)
    checkPeerName(name)
    const others = peers.filter((peer) => peer.name !== name)
    if (action === 'add') {
      if (place === undefined) throw new TidemarkError('usage', 'peer add takes a name and a place')
      const where = formatPlace(parsePlace(place, context.workingDirectory))
      const { mode, readOnly, remoteCommand } = options
      const run = remoteCommand === undefined ? {} : { remoteCommand }
      const peer: KnownPeer = { name, place: where, mode, readOnly, ...run }
      await writeSyncSettings(root, { ...settings, peers: [...others, peer] })
      if (context.json) await context.printJson(peer)
      else await context.tell(`${name} is a peer: ${describe(peer)}`)
    } else if (action === 'remove') {
      if (place !== undefined) throw new TidemarkError('usage', 'peer remove takes a name only')
      if (others.length === peers.length)
        throw new TidemarkError('missing', `no peer is called ${name} (tidemark peer lists them)`)
      await writeSyncSettings(root, { ...settings, peers: others })
      if (context.json) await context.printJson({ removed: name })
      else await context.tell(`${name} is no peer any more; no files were touched`)
    } else throw new TidemarkError('usage', `${action}: not one of ${actions.join(', ')}`)
    return undefined
  },
})

async function openSettled(context: Context): Promise<{ root: string }> {
  const folder = await openOwnFolder(context)
  folder.close()
  return folder
}

async function printPeers(context: Context, peers: readonly KnownPeer[]): Promise<void> {
  if (context.json) {
    await context.printJson(peers)
    return
  }
  if (peers.length === 0) {
    await context.note('no peers yet (tidemark peer add NAME PLACE, or tidemark sync PLACE)')
    return
  }
  const rows = peers.map((peer) => [
    peer.name,
    peer.mode,
    peer.readOnly ? 'read-only' : '',
    safeText(peer.place),
  ])
  for (const line of alignTable(rows)) await context.print(line)
}

function describe({ place, mode, readOnly }: KnownPeer): string {
  const remarks = [mode === 'two-way' ? [] : [mode], readOnly ? ['read-only'] : []].flat()
  return `${safeText(place)}${remarks.length === 0 ? '' : ` (${remarks.join(', ')})`}`
}
