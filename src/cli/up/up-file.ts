import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
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
import { YamlText, type Path } from './yaml-text.ts'

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
  return new UpReader(new YamlText(text, file), dirname(resolve(file))).read()
}

class UpReader {
  readonly #yaml: YamlText
  /** From which relative paths count. */
  readonly #directory: string

  constructor(yaml: YamlText, directory: string) {
    this.#yaml = yaml
    this.#directory = directory
  }

  async read(): Promise<UpFile> {
    const top = this.#yaml.fields(this.#yaml.value ?? {}, [], ['folders', 'listen', 'bandwidth'])
    const listen = this.#yaml.text(top, 'listen', [], parseAddress)
    const bandwidth = this.#yaml.text(top, 'bandwidth', [], (text) => positive(parseSize(text)))
    const folders: UpFolder[] = []
    for (const [i, folder] of this.#yaml.list(top['folders'] ?? [], ['folders']).entries())
      folders.push(await this.#folder(folder, ['folders', i]))
    if (folders.length === 0) throw this.#yaml.fail([], 'no folders are listed')
    this.#checkDifferent(folders)
    return { folders, listen, bandwidth }
  }

  async #folder(value: unknown, at: Path): Promise<UpFolder> {
    const keys = ['path', 'name', 'peers', 'schedule', 'mode', 'history', 'include', 'allow-deletes']
    const fields = this.#yaml.fields(value, at, keys)
    const path = this.#yaml.text(fields, 'path', at, (text) => this.#absolute(text))
    if (path === undefined) throw this.#yaml.fail(at, 'a folder needs a path')
    const mode = this.#yaml.word(fields, 'mode', at, modes) ?? 'two-way'
    const name = this.#yaml.text(fields, 'name', at, checkedName) ?? nameOfPlace(path)
    const peers = this.#yaml
      .list(fields['peers'] ?? [], [...at, 'peers'])
      .map((peer, i) => this.#peer(peer, mode, [...at, 'peers', i]))
    if (new Set(peers.map((peer) => peer.name)).size < peers.length)
      throw this.#yaml.fail([...at, 'peers'], 'two peers have one name')
    const schedule = this.#yaml.text(fields, 'schedule', at, (text) => text)
    const include =
      fields['include'] === undefined ? undefined : this.#yaml.list(fields['include'], [...at, 'include'])
    return {
      name,
      path,
      peers,
      schedule:
        schedule === undefined || schedule === 'watch' ? undefined : await this.#schedule(schedule, at),
      history: this.#yaml.word(fields, 'history', at, ['kept', 'none'] as const) ?? 'kept',
      include: include?.map((path, i) => this.#pathInside(path, [...at, 'include', i])),
      maxVanishing: this.#share(fields['allow-deletes'], [...at, 'allow-deletes']),
    }
  }

  /** A place, or a place with what else is said of it. */
  #peer(value: unknown, mode: KnownPeer['mode'], at: Path): KnownPeer {
    const fields = typeof value === 'string' ? { place: value } : value
    const given = this.#yaml.fields(fields, at, ['place', 'name', 'mode', 'read-only', 'remote-command'])
    const place = this.#yaml.text(given, 'place', at, (text) =>
      formatPlace(parsePlace(text.startsWith('~/') ? this.#absolute(text) : text, this.#directory)),
    )
    if (place === undefined) throw this.#yaml.fail(at, 'a peer needs a place')
    const remoteCommand = this.#yaml.text(given, 'remote-command', at, (text) => text)
    const readOnly = given['read-only'] ?? false
    if (typeof readOnly !== 'boolean')
      throw this.#yaml.fail([...at, 'read-only'], 'read-only is true or false')
    return {
      name: this.#yaml.text(given, 'name', at, checkedName) ?? nameOfPlace(place),
      place,
      mode: this.#yaml.word(given, 'mode', at, modes) ?? mode,
      readOnly,
      ...(remoteCommand === undefined ? {} : { remoteCommand }),
    }
  }

  async #schedule(text: string, at: Path): Promise<Schedule> {
    try {
      return await parseSchedule(text)
    } catch (error) {
      if (!isTidemarkError(error, 'usage')) throw error
      throw this.#yaml.fail([...at, 'schedule'], error.message.replace(/^--every /, ''))
    }
  }

  /** `0.5` or `50%`; `true` for any share. */
  #share(value: unknown, at: Path): number | undefined {
    if (value === undefined || value === false) return undefined
    if (value === true) return 1
    const share = typeof value === 'string' && value.endsWith('%') ? Number(value.slice(0, -1)) / 100 : value
    if (typeof share === 'number' && share >= 0 && share <= 1) return share
    throw this.#yaml.fail(at, 'allow-deletes is a share, as 50% or 0.5, or true')
  }

  #pathInside(value: unknown, at: Path): string {
    const path = typeof value === 'string' || typeof value === 'number' ? `${value}`.replace(/\/$/, '') : ''
    if (isPathInside(path)) return path
    throw this.#yaml.fail(at, 'include lists paths from the top of the folder')
  }

  #absolute(path: string): string {
    const home = path === '~' || path.startsWith('~/')
    return home ? join(homedir(), path.slice(1)) : resolve(this.#directory, path)
  }

  #checkDifferent(folders: readonly UpFolder[]): void {
    for (const key of ['name', 'path'] as const) {
      for (const [i, folder] of folders.entries()) {
        if (folders.findIndex((other) => other[key] === folder[key]) < i)
          throw this.#yaml.fail(['folders', i], `two folders have the ${key} ${folder[key]}`)
      }
    }
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
