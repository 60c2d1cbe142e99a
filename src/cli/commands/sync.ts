import { existsSync } from 'node:fs'
import { TidemarkError } from '../../errors.ts'
import { defaultGuard } from '../../sync/guard.ts'
import type { Guard } from '../../sync/guard.ts'
import { introduce, isFolder, openIntroduced } from '../../sync/introduce.ts'
import { openCopy } from '../../sync/link.ts'
import type { OpenCopy } from '../../sync/link.ts'
import { befriend } from '../../sync/meet.ts'
import { modes } from '../../sync/mode.ts'
import type { Mode } from '../../sync/mode.ts'
import { parsePlace } from '../../sync/place.ts'
import { select } from '../../sync/sync-settings.ts'
import { askFolder } from '../../sync/remote-link.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import type { Context } from '../context.ts'
import { keepHeapRoomy } from '../lean-heap.ts'
import { choice, flag, size, text, texts } from '../options.ts'
import { printPlans } from '../sync/dry-run.ts'
import { nameThere, openStream, ratesOf, reachOf } from '../sync/open-link.ts'
import type { Reach } from '../sync/open-link.ts'
import { findParties } from '../sync/parties.ts'
import { syncOnce } from '../sync/once.ts'
import { syncWatching } from '../sync/watching.ts'
import type { Work } from '../sync/work.ts'

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
    include: texts(
      '--include <path>',
      'of A keep only this sub-tree here, repeatable, from now on; "." for all of it again',
      'path',
    ),
    bandwidth: size(
      '--bandwidth <size>',
      'send, and fetch, at most so many bytes a second over the wire, as 500K',
    ),
    remoteCommand: text(
      '--remote-command <command>',
      'over ssh: what to run there (else tidemark), from now on',
    ),
    join: flag('--join', 'though B is another folder: make it a copy of A'),
  },
  examples: [
    { command: 'tidemark sync . ../copy', shows: 'a second copy, made if it is not there' },
    { command: 'tidemark sync ../copy && tidemark sync', shows: 'once more, with all that are known' },
    { command: 'tidemark sync ../copy --dry-run', shows: 'what that would do on either side' },
    { command: 'tidemark sync . ../copy --watch', shows: 'in step until Ctrl-C' },
    { command: 'tidemark sync ../part . --include docs', shows: 'a copy that holds only a part' },
    { command: 'tidemark sync . ssh://ann@example.org/~/notes', shows: 'with a copy on another machine' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, [one, other], options) {
    const { dryRun, watch, allowDeletes, history, join, remoteCommand, bandwidth, include } = options
    if (dryRun && watch) throw new TidemarkError('usage', 'either --dry-run or --watch')
    if (bandwidth === 0) throw new TidemarkError('usage', '--bandwidth 0: nothing would ever arrive')
    const parties = await findParties(context, one, other, options.mode)
    const guard: Guard = allowDeletes ? { maxVanishing: 1 } : defaultGuard
    const isInteractive = process.stdin.isTTY && !watch
    const reach: Reach = {
      remoteCommand,
      isInteractive,
      allowDeletes,
      watch,
      dryRun,
      rates: ratesOf(bandwidth),
    }
    const work: Work = { parties, guard, reach, create: { history, join }, signal: context.signal }
    if (dryRun) return (await printPlans(context, work)) ? undefined : 'refused'
    await keepHeapRoomy()
    const root = await introduceAll(context, work)
    if (include.length > 0) await select(root, include.map(tidy))
    const open = async (): Promise<OpenCopy> =>
      openCopy(await openIntroduced(root), { watch: watch ? {} : undefined })
    if (watch) {
      await syncWatching(context, open, work)
      return undefined
    }
    const copy = await open()
    try {
      return await syncOnce(context, copy, work)
    } finally {
      await copy.close()
    }
  },
})

/** `./photos/` is `photos`, and `.` the folder itself. */
function tidy(path: string): string {
  return path
    .split('/')
    .filter((part, i) => part !== '.' && !(part === '' && i > 0))
    .join('/')
}

function modeOption(flags: string, summary: string): OptionSpec<Mode | undefined> {
  return { flags, summary: `${summary} (${modes.join(', ')})`, parse: parseMode, completes: modes }
}

function parseMode(text: string): Mode {
  const mode = modes.find((word) => word === text)
  if (mode !== undefined) return mode
  throw new TidemarkError('usage', `${text}: not one of ${modes.join(', ')}`)
}

/** Makes what is named copies of one folder. Resolves with the root of that of this side. */
async function introduceAll(context: Context, { parties, create, reach }: Work): Promise<string> {
  const { own, peers, named } = parties
  if (!named) return own
  const { join } = create
  const history = create.history === 'none' ? 'none' : 'kept'
  const [peer] = peers
  const place = parsePlace(peer!.place, '/')
  if (place.kind === 'directory') {
    const [root] = await befriend(own, { ...peer!, place: place.path }, { history, join })
    return root
  }
  let id: string | undefined
  if (!isFolder(own)) {
    const stream = await openStream(place, { ...reachOf(peer!, reach), watch: false }, context)
    id = await askFolder(stream, { place: nameThere(place), signal: context.signal })
    if (id === undefined && !existsSync(own))
      throw new TidemarkError('missing', `neither ${own} nor ${peer!.place} is there`)
  }
  const mine = await introduce(own, id, { history, join })
  mine.close()
  return mine.root
}
