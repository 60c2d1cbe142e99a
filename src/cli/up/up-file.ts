import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { nameOfPlace } from '../../sync/meet.ts'
import { modes } from '../../sync/mode.ts'
import { formatPlace, parsePlace } from '../../sync/place.ts'
import { checkPeerName, isPathInside } from '../../sync/sync-settings.ts'
import type { KnownPeer } from '../../sync/sync-settings.ts'
import { parseSize } from '../options.ts'
import { parseSchedule } from '../streams/schedule.ts'
import type { Schedule } from '../streams/schedule.ts'
import { parseAddress } from '../web-server.ts'
import type { Address } from '../web-server.ts'

/** What `tidemark up` is to do. */
export interface UpFile {
  readonly folders: readonly UpFolder[]
  /** Where peers that are known may call. */
  readonly listen: Address | undefined
  /** Bytes a second over the wire, each way. */
  readonly bandwidth: number | undefined
}

export interface UpFolder {
  /** What it is called here, and by peers that call. */
  readonly name: string
  readonly path: string
  readonly peers: readonly KnownPeer[]
  /** When sessions begin; undefined: whenever something has changed. */
  readonly schedule: Schedule | undefined
  readonly history: 'kept' | 'none'
  readonly include: readonly string[] | undefined
  /** The largest share that may vanish at once, from 0 to 1. */
  readonly maxVanishing: number | undefined
}

const mostBytes = 1024 * 1024

/** Where the file is looked for. */
export function upFilePath(environment: Readonly<Record<string, string | undefined>>): string {
  const { XDG_CONFIG_HOME: home } = environment
  return join(home?.startsWith('/') ? home : join(homedir(), '.config'), 'tidemark/up.yaml')
}

/**
 * Reads the file of `tidemark up`, whose relative paths count from the directory it is in. Throws `usage` that says in
 * which line what is wrong.
 */
export async function readUpFile(text: string, file: string): Promise<UpFile> {
  if (text.length > mostBytes)
    throw new TidemarkError('usage', `${file}: longer than ${mostBytes} characters`)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true })
  const [error] = document.errors
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0])
    throw new TidemarkError(
      'usage',
      `${file}:${line}: ${error.message.split('\n')[0]!.replace(/ at line.*/, '')}`,
    )
  }
  return new UpReader(document, lines, file).read()
}

type Fields = Readonly<Record<string, unknown>>
/** The way to a value: names of fields and places in lists. */
type Path = readonly (string | number)[]

class UpReader {
  readonly #document: Document
  readonly #lines: LineCounter
  readonly #file: string
  readonly #directory: string

  constructor(document: Document, lines: LineCounter, file: string) {
    this.#document = document
    this.#lines = lines
    this.#file = file
    this.#directory = dirname(resolve(file))
  }

  async read(): Promise<UpFile> {
    // Aliases are counted by the library, so that a short text cannot become a large value.
    const value: unknown = this.#try([], () => this.#document.toJS({ maxAliasCount: 100 }))
    const top = this.#fields(value ?? {}, [], ['folders', 'listen', 'bandwidth'])
    const listen = this.#text(top, 'listen', [], parseAddress)
    const bandwidth = this.#text(top, 'bandwidth', [], (text) => positive(parseSize(text)))
    const folders: UpFolder[] = []
    for (const [i, folder] of this.#list(top['folders'] ?? [], ['folders']).entries())
      folders.push(await this.#folder(folder, ['folders', i]))
    if (folders.length === 0) throw this.#fail([], 'no folders are listed')
    this.#checkDifferent(folders)
    return { folders, listen, bandwidth }
  }

  async #folder(value: unknown, at: Path): Promise<UpFolder> {
    const keys = ['path', 'name', 'peers', 'schedule', 'mode', 'history', 'include', 'allow-deletes']
    const fields = this.#fields(value, at, keys)
    const path = this.#text(fields, 'path', at, (text) => this.#absolute(text))
    if (path === undefined) throw this.#fail(at, 'a folder needs a path')
    const mode = this.#word(fields, 'mode', at, modes) ?? 'two-way'
    const name = this.#text(fields, 'name', at, checkedName) ?? nameOfPlace(path)
    const peers = this.#list(fields['peers'] ?? [], [...at, 'peers']).map((peer, i) =>
      this.#peer(peer, mode, [...at, 'peers', i]),
    )
    if (new Set(peers.map((peer) => peer.name)).size < peers.length)
      throw this.#fail([...at, 'peers'], 'two peers have one name')
    const schedule = this.#text(fields, 'schedule', at, (text) => text)
    const include =
      fields['include'] === undefined ? undefined : this.#list(fields['include'], [...at, 'include'])
    return {
      name,
      path,
      peers,
      schedule:
        schedule === undefined || schedule === 'watch' ? undefined : await this.#schedule(schedule, at),
      history: this.#word(fields, 'history', at, ['kept', 'none'] as const) ?? 'kept',
      include: include?.map((path, i) => this.#pathInside(path, [...at, 'include', i])),
      maxVanishing: this.#share(fields['allow-deletes'], [...at, 'allow-deletes']),
    }
  }

  /** A place, or a place with what else is said of it. */
  #peer(value: unknown, mode: KnownPeer['mode'], at: Path): KnownPeer {
    const fields = typeof value === 'string' ? { place: value } : value
    const given = this.#fields(fields, at, ['place', 'name', 'mode', 'read-only'])
    const place = this.#text(given, 'place', at, (text) =>
      formatPlace(parsePlace(text.startsWith('~/') ? this.#absolute(text) : text, this.#directory)),
    )
    if (place === undefined) throw this.#fail(at, 'a peer needs a place')
    const readOnly = given['read-only'] ?? false
    if (typeof readOnly !== 'boolean') throw this.#fail([...at, 'read-only'], 'read-only is true or false')
    return {
      name: this.#text(given, 'name', at, checkedName) ?? nameOfPlace(place),
      place,
      mode: this.#word(given, 'mode', at, modes) ?? mode,
      readOnly,
    }
  }

  async #schedule(text: string, at: Path): Promise<Schedule> {
    try {
      return await parseSchedule(text)
    } catch (error) {
      if (!isTidemarkError(error, 'usage')) throw error
      throw this.#fail([...at, 'schedule'], error.message.replace(/^--every /, ''))
    }
  }

  /** `0.5` or `50%`; `true` for any share. */
  #share(value: unknown, at: Path): number | undefined {
    if (value === undefined || value === false) return undefined
    if (value === true) return 1
    const share = typeof value === 'string' && value.endsWith('%') ? Number(value.slice(0, -1)) / 100 : value
    if (typeof share === 'number' && share >= 0 && share <= 1) return share
    throw this.#fail(at, 'allow-deletes is a share, as 50% or 0.5, or true')
  }

  #pathInside(value: unknown, at: Path): string {
    const path = typeof value === 'string' || typeof value === 'number' ? `${value}`.replace(/\/$/, '') : ''
    if (isPathInside(path)) return path
    throw this.#fail(at, 'include lists paths from the top of the folder')
  }

  #absolute(path: string): string {
    const home = path === '~' || path.startsWith('~/')
    return home ? join(homedir(), path.slice(1)) : resolve(this.#directory, path)
  }

  #checkDifferent(folders: readonly UpFolder[]): void {
    for (const key of ['name', 'path'] as const) {
      for (const [i, folder] of folders.entries()) {
        if (folders.findIndex((other) => other[key] === folder[key]) < i)
          throw this.#fail(['folders', i], `two folders have the ${key} ${folder[key]}`)
      }
    }
  }

  #fields(value: unknown, at: Path, keys: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.#fail(at, `expected names with values: ${keys.join(', ')}`)
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) throw this.#fail([...at, key], `${key} is none of ${keys.join(', ')}`)
    }
    return value as Fields
  }

  #list(value: unknown, at: Path): unknown[] {
    if (Array.isArray(value)) return value
    throw this.#fail(at, `${String(at.at(-1))} is to be a list`)
  }

  #text<T>(fields: Fields, key: string, at: Path, parse: (text: string) => T): T | undefined {
    const value = fields[key]
    if (value === undefined) return undefined
    if (typeof value !== 'string' && typeof value !== 'number')
      throw this.#fail([...at, key], `${key} is to be a text`)
    return this.#try([...at, key], () => parse(String(value)))
  }

  #word<Word extends string>(
    fields: Fields,
    key: string,
    at: Path,
    words: readonly Word[],
  ): Word | undefined {
    const value = fields[key]
    if (value === undefined) return undefined
    const word = words.find((word) => word === value)
    if (word !== undefined) return word
    throw this.#fail([...at, key], `${key} is one of ${words.join(', ')}`)
  }

  #try<T>(at: Path, act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw this.#fail(at, error instanceof Error ? error.message : String(error))
    }
  }

  #fail(at: Path, problem: string): TidemarkError {
    return new TidemarkError('usage', `${this.#file}:${this.#lineOf(at)}: ${problem}`)
  }

  /** Of what is at the end of the path, as far as that is there. */
  #lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const [above, last] = [this.#document.getIn(path.slice(0, length - 1), true), path[length - 1]]
      const key = isMap(above)
        ? above.items.find(({ key }) => isScalar(key) && key.value === last)?.key
        : undefined
      const node = key ?? this.#document.getIn(path.slice(0, length), true)
      const { range } = (node ?? {}) as { range?: readonly number[] }
      if (range?.[0] !== undefined) return this.#lines.linePos(range[0]).line
    }
    return 1
  }
}

function checkedName(name: string): string {
  checkPeerName(name)
  return name
}

function positive(size: number): number {
  if (size > 0) return size
  throw new TidemarkError('usage', 'nothing would ever arrive')
}
