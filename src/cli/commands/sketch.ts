import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { TidemarkError, fromSystem } from '../../errors.ts'
import { fromHex, toHex } from '../../bytes/hex.ts'
import {
  cellsFor,
  decodeSketch,
  encodeSketch,
  profiles,
  sketchKey,
  type Sketch,
} from '../../reconcile/index.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatSize } from '../format.ts'
import { choice, count, text } from '../options.ts'
import { closeSource, openSource, servedSource } from '../sets/set-source.ts'

interface BuildOptions {
  readonly output?: string | undefined
  readonly differences?: number | undefined
  readonly cells?: number | undefined
  readonly salt?: string | undefined
  readonly profile: 'general' | 'large'
}

export const command: Command = defineCommand({
  about:
    'Makes and reads sketch files. "build" sketches a set, named as for tidemark reconcile; any web server can then ' +
    'offer the file, and readers fetch as much of it as their difference needs. "info" tells what is in one. ' +
    '"merge" joins the sketches of parts that have nothing in common into that of the whole; they must have been ' +
    'built with one --salt.',
  arguments: [
    { name: '<action>', summary: 'build, info or merge', completes: ['build', 'info', 'merge'] },
    { name: '<names...>', summary: 'the set, or sketch files', completes: 'path' },
  ],
  options: {
    output: text('-o, --output <file>', 'where to write the sketch', 'path'),
    differences: count(
      '--differences <n>',
      'build: how many it shall be able to tell, 1000 when left out',
      1,
    ),
    cells: count('--cells <n>', 'build: how many cells, instead', 1),
    salt: text('--salt <hex>', 'build: 32 hexadecimal digits, random when left out'),
    profile: choice('--profile <name>', 'build: how the sketch spreads', ['general', 'large'], 'general'),
  },
  examples: [
    { command: 'tidemark sketch build docs -o docs.sketch', shows: 'a sketch of a directory' },
    {
      command: 'tidemark sketch build notes.txt -o notes.sketch && tidemark sketch info notes.sketch',
      shows: 'what a sketch says of itself',
    },
  ],
  exits: ['missing', 'damage', 'refused'],
  async run(context, [action = '', ...names], options) {
    if (action === 'build') await build(context, names, options)
    else if (action === 'info') await info(context, names)
    else if (action === 'merge') await merge(context, names, options.output)
    else throw new TidemarkError('usage', `${action}: not build, info or merge`)
  },
})

async function build(context: Context, names: readonly string[], options: BuildOptions): Promise<void> {
  const [name, ...more] = names
  if (name === undefined || more.length > 0) throw new TidemarkError('usage', 'sketch build takes one set')
  const profile = profiles[options.profile]
  const size = options.cells ?? cellsFor(options.differences ?? 1000, profile)
  const salt = options.salt === undefined ? new Uint8Array(randomBytes(16)) : fromHex(options.salt)
  if (salt?.length !== 16) throw new TidemarkError('usage', '--salt takes 32 hexadecimal digits')
  const source = await openSource(name, context.signal)
  try {
    const set = servedSource(source)
    if (set === undefined) throw new TidemarkError('usage', `${name} is a sketch or a URL already`)
    await write(context, await set.sketch(sketchKey(salt), profile, size), options.output)
  } finally {
    await closeSource(source)
  }
}

async function merge(context: Context, names: readonly string[], output: string | undefined): Promise<void> {
  const [first, ...others] = names.map(read)
  if (first === undefined) throw new TidemarkError('usage', 'sketch merge takes sketch files')
  for (const other of others) first.merge(other)
  await write(context, first, output)
}

async function info(context: Context, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const sketch = read(name)
    const { profile, key, root, size } = sketch
    const told = {
      name,
      profile: profile.name,
      salt: toHex(key.salt),
      items: root.count,
      sum: toHex(root.sum()),
      cells: size,
      differences: tells(sketch),
    }
    if (context.json) {
      await context.printJson(told)
      continue
    }
    for (const [label, value] of Object.entries(told)) await context.print(`${label.padEnd(12)} ${value}`)
  }
}

/** How many differences a sketch tells 99 times in 100. */
function tells({ profile, size }: Sketch): number {
  let [low, high] = [0, size]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (cellsFor(middle, profile) <= size) low = middle
    else high = middle - 1
  }
  return low
}

function read(name: string): Sketch {
  try {
    return decodeSketch(readFileSync(name))
  } catch (error) {
    throw fromSystem(error, `read ${name}`)
  }
}

async function write(context: Context, sketch: Sketch, output: string | undefined): Promise<void> {
  const bytes = encodeSketch(sketch)
  if (output === undefined) {
    if (context.out.terminal) throw new TidemarkError('usage', 'Name a file with --output')
    await context.out.bytes(bytes)
    return
  }
  try {
    writeFileSync(output, bytes)
  } catch (error) {
    throw fromSystem(error, `write ${output}`)
  }
  const items = formatNumberOf(sketch.root.count, 'item')
  const cells = formatNumberOf(sketch.size, 'cell')
  if (context.json) await context.printJson({ output, items: sketch.root.count, cells: sketch.size })
  else await context.tell(`${items}, ${cells}, ${formatSize(bytes.length)}: ${output}`)
}
