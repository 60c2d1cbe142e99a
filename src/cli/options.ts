import { TidemarkError } from '../errors.ts'
import type { Completes, OptionSpec } from './command.ts'

/** `--dry-run`: true when given. */
export function flag(flags: string, summary: string): OptionSpec<boolean> {
  return { flags, summary, initial: false }
}

/** `--no-renames`: false when given. The name of the option is that without `no`. */
export function off(flags: string, summary: string): OptionSpec<boolean> {
  return { flags, summary, initial: true }
}

/** `--to <dir>`: the text given last, or undefined. */
export function text(flags: string, summary: string, completes?: Completes): OptionSpec<string | undefined> {
  return { flags, summary, completes }
}

/** `--tag <tag>`: every text given, in order. */
export function texts(flags: string, summary: string, completes?: Completes): OptionSpec<readonly string[]> {
  return { flags, summary, initial: [], parse: append, completes }
}

function append(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text]
}

/** `--keep-last <n>`: a whole number of at least `least`, or undefined. */
export function count(flags: string, summary: string, least: number = 0): OptionSpec<number | undefined> {
  const parse = (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
    throw new TidemarkError('usage', `${text}: not a whole number of at least ${least}`)
  }
  return { flags, summary, parse }
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  mo: 2_592_000_000, // 30 days
  y: 31_536_000_000, // 365 days
}

/** `--within <time>`: "90s", "36h", "14d", "2w", "6mo", "1y6mo", in milliseconds, or undefined. */
export function duration(flags: string, summary: string): OptionSpec<number | undefined> {
  return { flags, summary, parse: parseDuration }
}

/** Milliseconds. Throws `usage`. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|mo|s|m|h|d|w|y)/g)]
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text.trim()) {
    throw new TidemarkError('usage', `${text}: not a span of time like 90s, 36h, 14d, 2w, 6mo or 1y`)
  }
  return parts.reduce((sum, part) => sum + Number(part[1]) * units[part[2]!]!, 0)
}

/** `--larger <size>`: "500", "10K", "1.5GiB", units of 1024, in bytes, or undefined. */
export function size(flags: string, summary: string): OptionSpec<number | undefined> {
  return { flags, summary, parse: parseSize }
}

/** Bytes. Throws `usage`. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp])(?:i?b)?|b)?$/i.exec(text) ?? []
  const size = Math.round(
    Number(number) * 1024 ** (unit === undefined ? 0 : ' kmgtp'.indexOf(unit.toLowerCase())),
  )
  if (Number.isSafeInteger(size)) return size
  throw new TidemarkError('usage', `${text}: not a size like 500, 10K or 1.5GiB`)
}

/** `--kind <kind>`: one of a few words, which may be repeated. */
export function words<const Word extends string>(
  flags: string,
  summary: string,
  all: readonly Word[],
): OptionSpec<readonly Word[]> {
  const parse = (text: string, before: readonly Word[] | undefined): Word[] => [
    ...(before ?? []),
    oneOf(text, all),
  ]
  return { flags, summary: `${summary} (${all.join(', ')})`, initial: [], parse, completes: all }
}

function oneOf<const Word extends string>(text: string, words: readonly Word[]): Word {
  const word = words.find((word) => word === text)
  if (word !== undefined) return word
  throw new TidemarkError('usage', `${text}: not one of ${words.join(', ')}`)
}

/** `--history <kind>`: one of a few words, or `initial`. */
export function choice<const Word extends string>(
  flags: string,
  summary: string,
  words: readonly Word[],
  initial: Word,
): OptionSpec<Word> {
  const parse = (text: string): Word => oneOf(text, words)
  return {
    flags,
    summary: `${summary} (${words.join(', ')}; else ${initial})`,
    initial,
    parse,
    completes: words,
  }
}
