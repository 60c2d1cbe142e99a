import { corrupt, TidemarkError } from '../errors.ts'
import type { RecentEvent } from './event.ts'
import { JsonReader } from './json-reader.ts'
import { defaultLimits, type ReadLimits } from './limits.ts'
import type { Meta, Recentfile } from './recentfile.ts'
import type { Preamble } from './serialise.ts'
import { YamlReader } from './yaml-reader.ts'

/** What reads one kind of document. */
export interface DocumentReader {
  readonly meta: Meta | undefined
  readonly preamble: Preamble | undefined
  /** Appends the events that are complete to `into`. */
  push(bytes: Uint8Array, into: RecentEvent[]): void
  end(into: RecentEvent[]): void
}

/**
 * Reads an index file from pieces of its bytes, in memory for one piece and one event: YAML or JSON, protocol 0 or
 * 1, ours or the Perl program's. Throws `corrupt` or `limit`; it is of no use after that.
 *
 * Neither paths nor their order are checked (`checkPath`, `checkOrder`). A YAML document of an uncommon shape is
 * held as a whole until its end.
 */
export class RecentReader {
  readonly #limits: ReadLimits
  #reader: DocumentReader | undefined
  #count = 0

  constructor(limits: Partial<ReadLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits }
  }

  /** What is known about the file: in what we and the Perl program write, before its first event. */
  get meta(): Meta | undefined {
    return this.#reader?.meta
  }

  /** What `rebuild` takes; undefined until it was read, and where the document does not begin with it. */
  get preamble(): Preamble | undefined {
    return this.#reader?.preamble
  }

  /** The events that are complete with these bytes, in the order of the file. The bytes are not kept. */
  push(bytes: Uint8Array): RecentEvent[] {
    if (bytes.length === 0) return []
    if (this.#reader === undefined) refusePerl(bytes)
    // White space before a document is not to be expected.
    this.#reader ??= isJson(bytes[0]!) ? new JsonReader(this.#limits) : new YamlReader(this.#limits)
    const events: RecentEvent[] = []
    this.#reader.push(bytes, events)
    return this.#counted(events)
  }

  /** What was still incomplete. Afterwards `meta` is there. */
  end(): RecentEvent[] {
    if (this.#reader === undefined) throw corrupt('index', 'it is empty')
    const events: RecentEvent[] = []
    this.#reader.end(events)
    return this.#counted(events)
  }

  #counted(events: RecentEvent[]): RecentEvent[] {
    this.#count += events.length
    if (this.#count > this.#limits.events)
      throw new TidemarkError('limit', `index: it has more than ${this.#limits.events} entries`)
    return events
  }
}

/** How the Perl program's other two serializers begin: Storable and Data::Dumper. */
const perls = [
  ['pst0', 'Storable (.sto)'],
  ['$VAR1', 'Data::Dumper (.dd)'],
] as const

function refusePerl(bytes: Uint8Array): void {
  const beginning = String.fromCharCode(...bytes.subarray(0, 8))
  for (const [start, name] of perls) if (beginning.startsWith(start)) throw perlOnly(name)
}

/** What to say of an index that only Perl can read, and what helps. */
export function perlOnly(serializer: string): TidemarkError {
  const advice = 'let the origin write YAML or JSON: tidemark recent init --force there lists all anew'
  return new TidemarkError(
    'unsupported',
    `index: it is written by Perl's ${serializer}, which is not read; ${advice}`,
  )
}

function isJson(first: number): boolean {
  return first === 0x7b || first === 0x5b
}

/** Reads a whole index file. */
export function parseRecentfile(bytes: Uint8Array, limits: Partial<ReadLimits> = {}): Recentfile {
  const reader = new RecentReader(limits)
  const events = reader.push(bytes)
  for (const event of reader.end()) events.push(event)
  return { meta: reader.meta!, events }
}
