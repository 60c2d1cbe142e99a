import { TidemarkError } from '../../errors.ts'
import { Stream } from '../../stream/stream.ts'
import type { StreamOptions } from '../../stream/stream.ts'
import type { Version } from '../../stream/version.ts'
import { isVersionName } from '../../stream/version-name.ts'
import type { Context } from '../context.ts'
import type { ArgumentSpec, OptionSpec } from '../command.ts'
import { flag, text } from '../options.ts'

/** The options by which every command about streams finds its stream. */
export const streamOptions: {
  readonly root: OptionSpec<string | undefined>
  readonly utc: OptionSpec<boolean>
} = {
  root: text('--root <dir>', 'where the streams are; the working directory if not given', 'directory'),
  utc: flag('--utc', 'versions are named by UTC and not by local time'),
}

export const nameArgument: ArgumentSpec = {
  name: '<name>',
  summary: 'the stream, a directory below the root',
}
export const versionSummary =
  'a version, as tidemark versions names it, or a time: "2026-11-21 12:00", "2 hours ago"'

/** The stream of that name, which need not exist. */
export function openStream(
  context: Context,
  name: string,
  options: { readonly root: string | undefined; readonly utc: boolean },
  more: StreamOptions = {},
): Stream {
  return new Stream(options.root ?? context.workingDirectory, name, {
    ...more,
    zone: options.utc ? 'utc' : 'local',
  })
}

/** The newest version. Rejects `missing` when nothing has been recorded. */
export async function newestVersion(stream: Stream, name: string): Promise<Version> {
  const version = await stream.latest()
  if (version === undefined)
    throw new TidemarkError('missing', `nothing has been recorded as ${JSON.stringify(name)}`)
  return version
}

/** The version that is named, or was the newest at the time that is. Rejects `missing`, and `usage` for neither. */
export async function findVersion(context: Context, stream: Stream, text: string): Promise<Version> {
  if (isVersionName(text)) return stream.version(text)
  // Loaded only now: most uses name a version.
  const { parseTime } = await import('../../history/snapshot-time.ts')
  const time = await parseTime(text, context.now())
  if (time === undefined)
    throw new TidemarkError('usage', `${JSON.stringify(text)} is neither a version nor a time`)
  const version = await stream.at(time)
  if (version === undefined) throw new TidemarkError('missing', `nothing had been recorded at ${text}`)
  return version
}

/** A version in `--json`. */
export function versionJson(version: Version): { version: string; time: string } {
  return { version: version.name, time: version.time.toISOString() }
}
