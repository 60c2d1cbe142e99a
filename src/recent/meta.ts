import { corrupt } from '../errors.ts'
import { isEpoch, type Epoch } from './epoch.ts'
import type { Merged, Meta, MetaValue, MinMax } from './recentfile.ts'

type MetaTree = { readonly [key: string]: MetaValue }

const known = new Set([
  'Producers',
  'aggregator',
  'canonize',
  'comment',
  'dirtymark',
  'filenameroot',
  'interval',
  'merged',
  'minmax',
  'protocol',
  'serializer_suffix',
])

/** What a document of protocol 0 says about itself. */
export const bareMeta: Meta = {
  protocol: 0,
  interval: '',
  aggregator: [],
  filenameroot: 'RECENT',
  suffix: '.yaml',
  producers: {},
  others: {},
}

/** Reads the meta block. Throws `corrupt` where a value is not of the kind that its key asks for. */
export function metaFromTree(tree: MetaTree): Meta {
  const protocol = text(tree, 'protocol') ?? '1'
  if (protocol !== '1' && protocol !== '0') throw fail(`protocol ${protocol.slice(0, 20)} is not known`)
  return {
    protocol: protocol === '1' ? 1 : 0,
    interval: text(tree, 'interval') ?? '',
    aggregator: list(tree, 'aggregator'),
    filenameroot: text(tree, 'filenameroot') ?? 'RECENT',
    suffix: text(tree, 'serializer_suffix') ?? '.yaml',
    dirtymark: epoch(tree, 'dirtymark'),
    merged: readMerged(tree),
    minmax: readMinMax(tree),
    comment: text(tree, 'comment'),
    canonize: text(tree, 'canonize'),
    producers: Object.fromEntries(
      Object.entries(block(tree, 'Producers') ?? {}).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    ),
    others: Object.fromEntries(Object.entries(tree).filter(([key]) => !known.has(key))),
  }
}

/** The same as it is written, keys in the order of their characters. Absent values have no key. */
export function metaToTree(meta: Meta): MetaTree {
  const tree: Record<string, MetaValue | undefined> = {
    ...meta.others,
    Producers: meta.producers,
    aggregator: meta.aggregator.length === 0 ? undefined : meta.aggregator,
    canonize: meta.canonize,
    comment: meta.comment,
    dirtymark: meta.dirtymark,
    filenameroot: meta.filenameroot,
    interval: meta.interval,
    merged: meta.merged && {
      ...(meta.merged.epoch !== undefined && { epoch: meta.merged.epoch }),
      ...(meta.merged.intoInterval !== undefined && { into_interval: meta.merged.intoInterval }),
      ...(meta.merged.time !== undefined && { time: meta.merged.time }),
    },
    minmax: meta.minmax && {
      ...(meta.minmax.max !== undefined && { max: meta.minmax.max }),
      ...(meta.minmax.min !== undefined && { min: meta.minmax.min }),
      ...(meta.minmax.mtime !== undefined && { mtime: meta.minmax.mtime }),
    },
    protocol: `${meta.protocol}`,
    serializer_suffix: meta.suffix,
  }
  const sorted: Record<string, MetaValue> = {}
  for (const key of Object.keys(tree).toSorted()) {
    const value = tree[key]
    if (value !== undefined) sorted[key] = value
  }
  return sorted
}

function readMerged(tree: MetaTree): Merged | undefined {
  const merged = block(tree, 'merged')
  return (
    merged && {
      epoch: epoch(merged, 'epoch'),
      intoInterval: text(merged, 'into_interval'),
      time: epoch(merged, 'time'),
    }
  )
}

function readMinMax(tree: MetaTree): MinMax | undefined {
  const minmax = block(tree, 'minmax')
  return (
    minmax && {
      max: epoch(minmax, 'max'),
      min: epoch(minmax, 'min'),
      mtime: epoch(minmax, 'mtime'),
    }
  )
}

function text(tree: MetaTree, key: string): string | undefined {
  const value = own(tree, key)
  if (value === undefined || typeof value === 'string') return value
  throw fail(`its ${key} is no text`)
}

function epoch(tree: MetaTree, key: string): Epoch | undefined {
  const value = text(tree, key)
  if (value === undefined || value === '') return undefined
  if (!isEpoch(value)) throw fail(`its ${key} is no epoch: "${value.slice(0, 60)}"`)
  return value
}

function list(tree: MetaTree, key: string): readonly string[] {
  const value = own(tree, key)
  if (value === undefined || value === '') return []
  if (isList(value) && value.every((item) => typeof item === 'string')) return value
  throw fail(`its ${key} is no list of texts`)
}

function block(tree: MetaTree, key: string): MetaTree | undefined {
  const value = own(tree, key)
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string' || isList(value)) throw fail(`its ${key} is no block`)
  return value
}

function own(tree: MetaTree, key: string): MetaValue | undefined {
  return Object.hasOwn(tree, key) ? tree[key] : undefined
}

function isList(value: MetaValue): value is readonly MetaValue[] {
  return Array.isArray(value)
}

function fail(problem: string): Error {
  return corrupt('meta block of an index', problem)
}
