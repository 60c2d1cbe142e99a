import { resolve } from 'node:path'
import type { OptionSpec } from './command.ts'

/**
 * Options as they would be written to mean the same elsewhere: paths from the root, times in milliseconds. Those
 * that are as if not given are left out, and those named in `but`.
 */
export function givenOptions(
  specs: Readonly<Record<string, OptionSpec>>,
  given: Readonly<Record<string, unknown>>,
  { directory, but }: { readonly directory: string; readonly but: readonly string[] },
): string[] {
  return Object.entries(specs).flatMap(([key, { flags, initial, completes }]) => {
    const value = given[key]
    if (value === undefined || value === initial || but.includes(key)) return []
    const [name = '', argument] = flags.split(', ').at(-1)!.split(' ')
    if (typeof value === 'boolean') return [name]
    if (Array.isArray(value)) return [name, value.join(',')]
    if (typeof value === 'number') return [name, argument === '<time>' ? `${value}ms` : String(value)]
    if (typeof value !== 'string') return []
    const isPath = completes === 'path' || completes === 'directory'
    return [name, isPath ? resolve(directory, value) : value]
  })
}
