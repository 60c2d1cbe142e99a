import { isTidemarkError, TidemarkError } from '../../errors.ts'
import type { Recorded, StreamEvent } from '../../stream/index.ts'
import type { Stream } from '../../stream/stream.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatSize } from '../format.ts'
import { countsOf, keepOptions } from '../keep-options.ts'
import { count, duration, flag, off, text } from '../options.ts'
import { fetchContent } from '../streams/fetch.ts'
import type { FetchOptions, Source } from '../streams/fetch.ts'
import { nameArgument, openStream, streamOptions } from '../streams/open-stream.ts'

export const command: Command = defineCommand({
  about:
    'Records a version of a text source (what a command prints, a file, an answer from the web, or standard ' +
    'input) when it differs from the newest. ROOT/NAME/latest.txt is the newest version, whole at every moment, for ' +
    'any program to read; ROOT/NAME/state has a diff for each version. What fails or is empty is not recorded. ' +
    'Only one process records a stream at a time.',
  arguments: [
    nameArgument,
    { name: '[command...]', summary: 'what to run, after --; its standard output is recorded' },
  ],
  options: {
    ...streamOptions,
    file: text('-f, --file <file>', 'record what is in this file', 'path'),
    url: text('-u, --url <url>', 'record what this address answers'),
    every: text(
      '-e, --every <when>',
      'again and again: a span of time (5s, 1h) or a cron expression ("0 * * * *")',
    ),
    maxCount: count('-n, --max-count <n>', 'with --every: end after so many fetches', 1),
    normalize: text(
      '--normalize <command>',
      'a shell command through which everything goes first, to filter noise out',
    ),
    allowFailure: flag('--allow-failure', 'record what a failing command printed or an error page says'),
    allowEmpty: flag('--allow-empty', 'record what is empty'),
    timeout: duration('--timeout <time>', 'give up a fetch that takes longer'),
    wait: duration(
      '--wait <time>',
      'how long to wait while another process records this stream (10s if not given)',
    ),
    retain: count(
      '--retain <n>',
      'how many of the newest versions to keep as full files (2 if not given)',
      1,
    ),
    pack: off('--no-pack', 'leave every diff a file of its own'),
    ...keepOptions,
    keepLast: count('--keep-last <n>', 'forget versions but the newest n, and those that the following keep'),
    keepWithin: duration('--keep-within <time>', 'keep all that are at most so much older than the newest'),
  },
  examples: [
    { command: 'tidemark record disks -- df -h', shows: 'what a command prints' },
    { command: 'tidemark record hosts --file /etc/hosts', shows: 'a file' },
    {
      command: 'date | tidemark record dates --keep-last 100 --keep-daily 30',
      shows: 'standard input, with a limit to what is kept',
    },
    {
      command: 'tidemark record load --every 1s -n 2 --normalize "cut -d, -f3-" -- uptime',
      shows: 'twice, a second apart, without the time in it',
    },
  ],
  exits: ['missing', 'damage', 'busy', 'refused'],
  async run(context, [name, ...command], options) {
    const source: Source = { command, file: options.file, url: options.url }
    checkSource(source, options.every)
    const { allowFailure, allowEmpty, normalize, retain, pack, timeout } = options
    const patience = options.wait ?? 10_000
    const log = (event: StreamEvent): void => void tellEvent(context, event)
    await using stream = openStream(context, name!, options, {
      pack,
      patience,
      log,
      ...(retain === undefined ? {} : { retain }),
    })
    const policy = {
      ...countsOf(options),
      within: options.keepWithin,
    }
    const forgets = Object.values(policy).some((rule) => rule !== undefined)
    const once = async (): Promise<void> => {
      const signal =
        timeout === undefined
          ? context.signal
          : AbortSignal.any([context.signal, AbortSignal.timeout(timeout)])
      const fetching: FetchOptions = { allowFailure, allowEmpty, normalize, signal }
      await report(context, stream, await stream.record(() => fetchContent(source, fetching)))
      if (forgets) await stream.forget(policy)
    }
    if (options.every === undefined) await once()
    else await repeat(context, options.every, options.maxCount ?? Infinity, once)
    return undefined
  },
})

function checkSource({ command, file, url }: Source, every: string | undefined): void {
  const given = [command.length > 0, file !== undefined, url !== undefined].filter(Boolean).length
  if (given > 1) throw new TidemarkError('usage', 'one source at a time: a command, --file or --url')
  if (given === 1) return
  if (every !== undefined)
    throw new TidemarkError('usage', 'standard input can be read but once: --every needs a source')
  if (process.stdin.isTTY)
    throw new TidemarkError(
      'usage',
      'nothing to record: give a command after --, --file, --url, or standard input',
    )
}

/** What goes wrong with one fetch is said, and the next one is tried. */
async function repeat(
  context: Context,
  every: string,
  most: number,
  once: () => Promise<void>,
): Promise<void> {
  const { parseSchedule, waitUntil } = await import('../streams/schedule.ts')
  const next = await parseSchedule(every)
  const isCron = every.trim().includes(' ')
  if (isCron) await waitUntil(next(0, Date.now()), context.signal)
  for (let done = 0; done < most && !context.signal.aborted;) {
    const begun = Date.now()
    try {
      await once()
    } catch (error) {
      if (!isTidemarkError(error) || error.code === 'usage' || context.signal.aborted) throw error
      await context.warn(error.message)
    }
    if (++done < most) await waitUntil(next(begun, Date.now()), context.signal)
    await context.out.flush()
  }
}

async function report(context: Context, stream: Stream, recorded: Recorded): Promise<void> {
  const { version, changed, bytes, diff } = recorded
  if (context.json)
    await context.printJson({ version, changed, bytes, diffBytes: diff.length, directory: stream.directory })
  else if (changed) await context.tell(`${version}  ${formatSize(bytes)}, diff ${formatSize(diff.length)}`)
  else await context.tell(`unchanged since ${version}`)
}

async function tellEvent(context: Context, event: StreamEvent): Promise<void> {
  if (event.event === 'not packed') await context.warn(`old versions could not be packed: ${event.reason}`)
  else if (event.event === 'recovered')
    await context.note('latest.txt had a version that was lost: it is recorded')
  else if (context.options.verbose && (event.event === 'packed' || event.event === 'forgotten')) {
    await context.note(`${event.event} ${event.versions} versions`)
  }
}
