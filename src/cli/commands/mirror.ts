import { join, resolve } from 'node:path'
import { displayName } from '../../bytes/name.ts'
import { TidemarkError } from '../../errors.ts'
import { Mirror } from '../../mirror/follow/mirror.ts'
import type { MirrorEvent, MirrorReport, VerifyReport } from '../../mirror/follow/mirror-options.ts'
import { readStatus, statusOf } from '../../mirror/follow/status.ts'
import { parseLocation, type Location } from '../../mirror/transport/location.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatCount, formatDuration, formatNumberOf, formatSize, formatTime } from '../format.ts'
import { givenOptions } from '../given-options.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { writeReports } from '../mirrors/report-files.ts'
import { printStatus, statusJson } from '../mirrors/status-text.ts'
import { count, duration, flag, size, text } from '../options.ts'
import type { ProgressLine } from '../progress-line.ts'
import { safeText } from '../safe-text.ts'
import { ownProgram, systemdUnit } from '../systemd-unit.ts'

const options = {
  watch: flag('--watch', 'go on until stopped (Ctrl-C)'),
  once: flag('--once', 'look once, and end when all is done (without --watch too)'),
  every: duration('--every <time>', 'with --watch: how often to look (else 1s, over rsync 20s)'),
  all: flag('--all', 'read the whole index again and compare everything'),
  verify: flag('--verify', 'read everything here again, prove it complete, and repair what differs'),
  current: text(
    '--current <link>',
    'turn this link to the tree, in one step, whenever it is complete',
    'path',
  ),
  skipDeletes: flag('--skip-deletes', 'keep what the origin has deleted'),
  status: text('--status <file>', 'write the status to this file as JSON, again and again', 'path'),
  metrics: text('--metrics <file>', 'the same for Prometheus (textfile collector)', 'path'),
  bandwidth: size('--bandwidth <size>', 'fetch at most so many bytes a second, as 500K or 10M'),
  jobs: count(
    '-j, --jobs <n>',
    'over so many connections at a time (else 8), or by so many rsync processes (else 1)',
    1,
  ),
  requireSignature: flag('--require-signature', 'refuse an origin whose head is not signed'),
  key: text('--key <key>', "the origin's public key (else the first that is met is remembered)"),
  forgetKey: flag('--forget-key', 'forget the key and the number of the head that were remembered'),
  systemd: flag('--systemd', 'mirror nothing, but print the unit of a systemd service that does'),
}

export const command: Command = defineCommand({
  about:
    'Makes DIR what the origin SOURCE is, and keeps it so with --watch. The origin lists what changes in RECENT ' +
    'files, as tidemark publish and the Perl program File::Rsync::Mirror::Recent do; only the newest of that is ' +
    'read, however far behind the mirror is. SOURCE is a directory, http(s)://…, rsync://host/module/path, ' +
    'host::module or user@host:path. Contents come first, then the index, then what is deleted goes, so that others ' +
    'may mirror from DIR at any moment. What cannot be had is set aside and tried again later; ' +
    '"mirror status DIR" names it.',
  arguments: [
    { name: '<source>', summary: 'where the origin is; or status', completes: 'directory' },
    { name: '<dir>', summary: 'the mirror; it is made', completes: 'directory' },
  ],
  options,
  examples: [
    {
      command: 'tidemark mirror https://example.org/pub/ pub --watch',
      shows: 'a mirror over the web, seconds behind',
    },
    { command: 'tidemark mirror rsync://example.org/pub/ pub', shows: 'once, through rsync' },
    {
      command: 'tidemark mirror https://example.org/pub/ pub --verify',
      shows: 'prove that it is complete and whole, and repair it',
    },
    {
      command:
        'tidemark mirror https://example.org/pub/ pub --systemd > ~/.config/systemd/user/tidemark-pub.service',
      shows: 'a service that keeps the mirror up to date',
    },
    { command: 'tidemark mirror status pub', shows: 'how far it is, and what is set aside' },
  ],
  exits: ['partial', 'missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, [source = '', dir = ''], options) {
    const directory = resolve(context.workingDirectory, dir)
    if (source === 'status') {
      const status = readStatus(directory, context.now().getTime())
      if (context.json) await context.printJson(statusJson(status))
      else await printStatus(context, status)
      return undefined
    }
    if (options.watch && options.once) throw new TidemarkError('usage', 'either --watch or --once')
    if (options.watch && options.verify) throw new TidemarkError('usage', 'either --watch or --verify')
    if (options.every !== undefined && !options.watch && !options.systemd)
      throw new TidemarkError('usage', '--every needs --watch')
    const location = parseLocation(source, context.workingDirectory)
    if (options.systemd) return printUnit(context, location, directory, { ...options, source })
    await keepHeapLean()
    const progress = context.progress()
    const teller = new Teller(context, progress, options.watch)
    const mirror = new Mirror({
      source: location,
      directory,
      signal: context.signal,
      skipDeletes: options.skipDeletes,
      bandwidth: options.bandwidth,
      jobs: options.jobs,
      requireSignature: options.requireSignature,
      key: options.key,
      forgetKey: options.forgetKey,
      current: options.current === undefined ? undefined : resolve(context.workingDirectory, options.current),
      onEvent: (event) => teller.take(event),
    })
    const reports = { status: options.status, metrics: options.metrics }
    teller.onReport = () => writeReports(reports, statusOf(mirror.state, directory, Date.now()))
    try {
      if (options.watch) {
        await context.note(`mirroring ${safeText(mirror.transport.name)} (Ctrl-C ends it)`)
        await mirror.watch(options.every ?? (location.kind === 'rsync' ? 20_000 : 1000))
        return undefined
      }
      if (options.verify) {
        teller.tellsReports = false
        const found = await mirror.verify((items) =>
          progress.update({ phase: 'reading', files: items, bytes: 0 }),
        )
        progress.clear()
        await teller.flush()
        await tellVerified(context, found)
        return found.repair.waiting > 0 ? 'partial' : undefined
      }
      const report = await mirror.catchUp({ anew: options.all })
      return report.waiting + report.refused > 0 ? 'partial' : undefined
    } finally {
      progress.clear()
      await teller.flush()
      await mirror.close()
    }
  },
})

async function printUnit(
  context: Context,
  { kind, base, principal = '' }: Location,
  directory: string,
  given: Readonly<Record<string, unknown>> & {
    readonly source: string
    readonly once: boolean
    readonly verify: boolean
  },
): Promise<undefined> {
  if (given.once || given.verify)
    throw new TidemarkError('usage', 'a service watches: --systemd goes with neither --once nor --verify')
  const source = kind === 'directory' ? join(base, principal) : given.source
  // What is meant for once would be done at each start.
  const but = ['systemd', 'watch', 'all', 'forgetKey']
  const more = givenOptions(options, given, { directory: context.workingDirectory, but })
  const command = [...ownProgram(), 'mirror', source, directory, '--watch', ...more]
  await context.print(systemdUnit(directory, command, 'Mirror into').trimEnd())
}

async function tellVerified(context: Context, found: VerifyReport): Promise<void> {
  const { items, broken, extra, removed, proven, reread, repair } = found
  if (context.json) {
    const { waiting } = repair
    await context.printJson({ items, broken, extra, removed, proven, reread, waiting })
    return
  }
  for (const path of broken) await context.print(`not as it should be: ${displayName(path)}`)
  for (const path of extra) await context.print(`not listed: ${displayName(path)}`)
  const repaired = Math.max(0, broken.length - repair.waiting)
  const parts = [
    `${formatNumberOf(items, 'item')} read`,
    broken.length === 0 ? 'all as they should be' : `${repaired} of ${broken.length} repaired`,
    ...(extra.length === 0 ? [] : [`${removed} of ${extra.length} that are not listed removed`]),
    proven
      ? "the list proven by the sum in the origin's head"
      : 'the list as the indexes have it (no sum to prove it)',
    ...(reread ? ['the whole index was read again'] : []),
  ]
  await context.tell(parts.join('; '))
}

/** Idle looks are reported to files no more often than this, in milliseconds. */
const reportEvery = 5000

/** Says what happens as it happens. */
class Teller {
  onReport: () => void = () => {}
  /** False while the looks are parts of something else. */
  tellsReports = true
  readonly #context: Context
  readonly #progress: ProgressLine
  readonly #watching: boolean
  #reported = -Infinity
  #last: Promise<void> = Promise.resolve()
  #asides = 0

  constructor(context: Context, progress: ProgressLine, watching: boolean) {
    this.#context = context
    this.#progress = progress
    this.#watching = watching
  }

  take(event: MirrorEvent): void {
    if (event.kind === 'progress') {
      const { done, left } = event
      const files = done.files + done.moved + done.found + done.links
      this.#progress.update({ phase: 'mirroring', files, bytes: done.bytes, totalFiles: files + left })
      this.#report(reportEvery)
      return
    }
    this.#progress.clear()
    if (event.kind === 'complete') {
      const idle = event.report.unchanged
      this.#report(idle ? reportEvery : 0)
      if (this.tellsReports && (!idle || !this.#watching)) this.#say(() => this.#tell(event.report))
      this.#asides = 0
      return
    }
    this.#report(0)
    // A thousand warnings say no more than ten: status has all of them.
    if (event.kind !== 'failed' && ++this.#asides > 10) return
    this.#say(() => this.#context.warn(textOf(event)))
  }

  #report(least: number): void {
    const now = performance.now()
    if (now - this.#reported < least) return
    this.#reported = now
    this.onReport()
  }

  #say(say: () => Promise<void>): void {
    this.#last = this.#last.then(say).catch(() => {})
  }

  flush(): Promise<void> {
    return this.#last
  }

  async #tell(report: MirrorReport): Promise<void> {
    const context = this.#context
    if (context.json) {
      const { more: _more, ...told } = report
      await context.printJson({ time: context.now().toISOString(), ...told })
    } else if (!this.#watching) await context.tell(summary(report))
    else await context.tell(`${formatTime(context.now().getTime())}  ${summary(report)}`)
    await context.out.flush()
  }
}

function textOf(event: Exclude<MirrorEvent, { kind: 'progress' | 'complete' }>): string {
  if (event.kind === 'aside') return `${displayName(event.path)}: ${event.error.message} (set aside)`
  if (event.kind === 'refused') return `${event.error.message} (refused)`
  return `${event.error.message} (again in ${formatDuration(event.pause)})`
}

function summary(report: MirrorReport): string {
  const { files, bytes, found, moved, links, directories, deleted, waiting, refused } = report
  const parts = [
    [files, `${formatNumberOf(files, 'file')} fetched (${formatSize(bytes)})`],
    [moved, `${formatCount(moved)} moved or copied here`],
    [found, `${formatCount(found)} right already`],
    [
      links + directories,
      `${formatNumberOf(links + directories, 'link or directory', 'links and directories')} made`,
    ],
    [deleted, `${formatCount(deleted)} deleted`],
    [waiting, `${formatNumberOf(waiting, 'item')} set aside (tidemark mirror status says why)`],
    [refused, `${formatNumberOf(refused, 'entry', 'entries')} of the index refused`],
  ] as const
  const told = parts.filter(([number]) => number > 0).map(([, text]) => text)
  return told.length === 0 ? 'nothing new' : told.join(', ')
}
