import type { StreamLayout } from './layout.ts'
import { readFull } from './full-copy.ts'
import type { Listing } from './listing.ts'
import { rereading } from './rereading.ts'
import { TidemarkError } from '../errors.ts'
import { compareVersions, type NameZone, type VersionName, versionTime } from './version-name.ts'

/** One version of a stream. It stays readable however many come after it. */
export class Version {
  readonly name: VersionName
  readonly #zone: NameZone
  readonly #layout: StreamLayout
  #listing: Listing | undefined

  constructor(layout: StreamLayout, name: VersionName, zone: NameZone, listing?: Listing) {
    this.name = name
    this.#zone = zone
    this.#layout = layout
    this.#listing = listing
  }

  /** When it was recorded. Worked out when asked for: there may be thousands of versions. */
  get time(): Date {
    return new Date(versionTime(this.name, this.#zone))
  }

  /** The content, byte for byte. Rejects `missing` when the version has been forgotten, or was never kept. */
  async bytes(): Promise<Buffer> {
    const full = readFull(this.#layout, this.name)
    if (full !== undefined) return full
    // Loaded only now: what only records or reads the newest version has no need of it.
    const [{ listVersions }, { openVersion }] = await Promise.all([
      import('./listing.ts'),
      import('./open-version.ts'),
    ])
    return rereading(() => {
      const listing = (this.#listing ??= listVersions(this.#layout))
      // What it was listed with is of no use a second time.
      this.#listing = undefined
      return openVersion(this.#layout, listing, indexOfVersion(listing, this.name))
    })
  }

  /** The content as UTF-8. */
  async text(): Promise<string> {
    return (await this.bytes()).toString('utf8')
  }

  /** The content in pieces. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        controller.enqueue(await this.bytes())
        controller.close()
      },
    })
  }
}

/** The place of version `name` among the entries; throws `missing` when it is not there. */
export function indexOfVersion(listing: Listing, name: VersionName): number {
  const { entries } = listing
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareVersions(entries[middle]!.name, name) < 0) low = middle + 1
    else high = middle
  }
  if (entries[low]?.name !== name) throw new TidemarkError('missing', `there is no version ${name}`)
  return low
}
