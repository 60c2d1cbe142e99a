import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { readNames } from '../../folder/system/paths.ts'
import { publish, publishOnce, type PublishOptions, type PublishReport } from '../../mirror/origin/publish.ts'
import { ownDirectory } from '../../recent/index.ts'
import { treeHandler } from '../../server/tree-handler.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatDuration, formatNumberOf, formatTime } from '../format.ts'
import { givenOptions } from '../given-options.ts'
import { changeJson, printChanges } from '../mirrors/change-lines.ts'
import { intervals, serializer } from '../mirrors/origin-options.ts'
import { duration, flag, text } from '../options.ts'
import { safeText } from '../safe-text.ts'
import { ownProgram, systemdUnit } from '../systemd-unit.ts'
import { parseAddress, serveWeb } from '../web-server.ts'

const options = {
  once: flag('--once', 'bring the index up to date, and end'),
  listen: text(
    '--listen <address>',
    'serve the directory over HTTP as well, at PORT or HOST:PORT: mirrors then have a change at once',
  ),
  intervals: intervals('--intervals <list>', 'of a new index: the lengths of time of its files'),
  serializer: serializer('of a new index: how its files are written'),
  comment: text('--comment <text>', 'of a new index: what to say in it'),
  debounce: duration('--debounce <time>', 'how long nothing must change before it is told of (else 100ms)'),
  maxDelay: duration('--max-delay <time>', 'at the latest so long after a change (else 1s)'),
  aggregateEvery: duration(
    '--aggregate-every <time>',
    'merge into the longer files so often at most (else 1m)',
  ),
  rescan: duration('--rescan <time>', 'look at everything so often, whatever is told (else 1h)'),
  keepDeletes: flag('--keep-deletes', 'keep the deletes in the Z file too'),
  lockTimeout: duration('--lock-timeout <time>', 'wait so long for another that writes the index (else 10m)'),
  systemd: flag('--systemd', 'publish nothing, but print the unit of a systemd service that does'),
}

export const command: Command = defineCommand({
  about:
    'Publishes a directory for mirrors: keeps a few RECENT files in it that tell what has changed and when, each for a ' +
    'longer time, so that a mirror need only look at the shortest to be up to date in seconds. Takes over a directory ' +
    'as it is, or an index that the Perl program File::Rsync::Mirror::Recent began. Watches the directory until it is ' +
    'stopped (Ctrl-C), or looks at it --once.',
  arguments: [
    { name: '<directory>', summary: 'what to publish, or its shortest RECENT file', completes: 'path' },
  ],
  options,
  examples: [
    { command: 'tidemark publish . --once', shows: 'an index for mirrors, up to date as of now' },
    { command: 'tidemark publish . --intervals 1h,1d,1M,Z', shows: 'watching until Ctrl-C' },
    {
      command: 'tidemark publish . --systemd > ~/.config/systemd/user/tidemark-publish.service',
      shows: 'a service that does the same',
    },
    { command: 'tidemark publish . --listen 8080', shows: 'the same, and mirrors need no other web server' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, [directory = ''], options) {
    refuseEmpty(directory)
    if (options.systemd) return printUnit(context, directory, options)
    let problems = 0
    const progress = context.progress()
    const common: PublishOptions = {
      intervals: options.intervals,
      suffix: options.serializer && `.${options.serializer}`,
      comment: options.comment,
      debounceMs: options.debounce,
      maxDelayMs: options.maxDelay,
      aggregateMs: options.aggregateEvery,
      rescanMs: options.rescan,
      keepDeletes: options.keepDeletes,
      patienceMs: options.lockTimeout,
      signal: context.signal,
      onProblem(path, error) {
        problems++
        void context.warn(`${displayName(path)}: ${error.message}`).catch(() => {})
      },
      onProgress: ({ looked, bytes }) => progress.update({ phase: 'reading', files: looked, bytes }),
      onEvent({ kind, message }) {
        const isRemark = kind === 'watching' || kind === 'aggregated'
        const say = isRemark ? context.note(safeText(message)) : context.warn(message)
        void say.catch(() => {})
      },
    }
    if (options.once) await print(context, await publishOnce(directory, common))
    else {
      await using _server =
        options.listen === undefined ? undefined : await serve(context, directory, options.listen)
      for await (const report of publish(directory, common)) {
        await print(context, report)
        await context.out.flush()
      }
    }
    return problems > 0 ? 'partial' : undefined
  },
})

async function printUnit(
  context: Context,
  directory: string,
  given: Readonly<Record<string, unknown>> & { readonly once: boolean },
): Promise<undefined> {
  if (given.once) throw new TidemarkError('usage', 'a service watches: either --systemd or --once')
  const place = realpathSync(directory)
  const more = givenOptions(options, given, { directory: context.workingDirectory, but: ['systemd'] })
  const command = [...ownProgram(), 'publish', place, ...more]
  await context.print(systemdUnit(place, command, 'Publish for mirrors').trimEnd())
}

/** At boot a disk may not be there yet, and the place where it will be mounted is an empty directory. */
function refuseEmpty(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return
  if (readNames(directory).some((name) => name !== ownDirectory)) return
  throw new TidemarkError(
    'missing',
    `${directory} is empty: is the disk there? tidemark recent init begins an index in an empty directory`,
  )
}

async function serve(context: Context, directory: string, address: string): Promise<AsyncDisposable> {
  // A principal was named: what is served is the tree it lies in.
  const isFile = statSync(directory, { throwIfNoEntry: false })?.isFile() === true
  const handler = treeHandler(isFile ? dirname(directory) : directory)
  try {
    const server = await serveWeb(handler, parseAddress(address))
    await context.note(`serving it at ${server.url}`)
    return {
      async [Symbol.asyncDispose]() {
        await server.close()
        handler.close()
      },
    }
  } catch (error) {
    handler.close()
    throw error
  }
}

async function print(
  context: Context,
  { first, entries, changes, unstable, took }: PublishReport,
): Promise<void> {
  if (context.json) {
    await context.printJson({ first, entries, took, changes: changes.map(changeJson), unstable })
    return
  }
  if (context.options.verbose) await printChanges(context, changes)
  const what = first ? 'listed' : `told of ${formatNumberOf(changes.length, 'change')} in`
  const when = formatTime(context.now().getTime())
  const all = formatNumberOf(entries, 'entry', 'entries')
  await context.tell(`${when}  ${what} ${all} (${formatDuration(took)})`)
  if (unstable.length > 0) {
    await context.note(`${formatNumberOf(unstable.length, 'file')} changed while being read: next time`)
  }
}
