import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import * as esbuild from 'esbuild'
import { moduleWrapper } from '../src/cli/code-cache.ts'
import { commandTable } from '../src/cli/command-table.ts'

/**
 * Builds dist/ from src/: plain modules and their types, which are the library; and for the command, which starts
 * much more often than it works long, all of them in one file beside a small one that begins (see
 * docs/decisions/0008-one-file.md).
 */
rmSync('dist', { recursive: true, force: true })
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  // What is loaded when it is needed stays so, but by require: Node's loader of modules takes twice the time.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
  absWorkingDir: process.cwd(),
} as const

/** All of the file is read at each start. */
const dense = { minifyWhitespace: true, lineLimit: 200, legalComments: 'none' } as const

/** Modules that say where they are (for threads and files beside them) say it as if they stood alone. */
const ownPlaces = (outfile: string): esbuild.Plugin => ({
  name: 'own places',
  setup: (build) => {
    build.onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.url')) return undefined
      const place = JSON.stringify(relative(dirname(outfile), path))
      const url = `require('node:url').pathToFileURL(require('node:path').join(__dirname, ${place})).href`
      return { contents: text.replaceAll('import.meta.url', url), resolveDir: dirname(path) }
    })
  },
})

/** Packages that nearly every command needs. */
const taken = ['commander', 'fast-string-truncated-width', 'fast-string-width', 'pretty-bytes', 'pretty-ms']

const packages: esbuild.Plugin = {
  name: 'packages',
  setup: (build) => {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('node:') || taken.includes(path)
        ? undefined
        : { path, external: true },
    )
    // An import of a whole module copies it. What starts programs takes 2 ms to load, and no command here is one.
    build.onLoad({ filter: /node_modules\/commander\/lib\/.*\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8')
        .replace(/^import (\w+) from 'node:child_process';$/m, 'const $1 = {};')
        .replaceAll(/^import (\w+) from '(node:\w+)';$/gm, "const $1 = require('$2');")
      return { contents, resolveDir: dirname(path) }
    })
  },
}

function licences({ inputs }: esbuild.Metafile): string {
  const names = Object.keys(inputs).flatMap((path) => /^node_modules\/([^/]+)\//.exec(path)?.[1] ?? [])
  const parts = [...new Set(names)].toSorted().map((name) => {
    const directory = join('node_modules', name)
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry))
    if (file === undefined) throw new Error(`${name} has no licence`)
    return `${name}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`
  })
  return `program.cjs contains these packages:\n\n${parts.join(`\n${'-'.repeat(72)}\n\n`)}`
}

/** Leaves out the commands of other groups: all of a file is read at each start, and each of its functions takes time. */
const only = (group: string | undefined): esbuild.Plugin => ({
  name: 'only',
  setup: (build) => {
    const names = new Set(commandTable.filter((entry) => entry.group === group).map(({ name }) => name))
    if (group === undefined) return
    build.onResolve({ filter: /^\.\/(completion\.js$|commands\/)/ }, ({ path }) =>
      names.has(basename(path, '.js')) ? undefined : { path, external: true },
    )
  },
})

interface Program {
  readonly file: string
  /** Another one for each text that the file ever has. */
  readonly id: string
}

/**
 * The beginning leaves the rest to a file: that of the group of the command that the line names, or that of all. It
 * keeps the compiled code, for each command what that one runs.
 */
const program = (all: Program, commands: Readonly<Record<string, Program>>): esbuild.Plugin => ({
  name: 'program',
  setup: (build) => {
    build.onResolve({ filter: /^\.\/program\.js$/ }, () => ({ path: 'program', namespace: 'program' }))
    build.onLoad({ filter: /./, namespace: 'program' }, () => ({
      resolveDir: 'dist/cli',
      contents: `
        import { getCompileCacheDir } from 'node:module'
        import { join } from 'node:path'
        import { loadModule } from './code-cache.js'
        import { commandWord } from './command-word.js'
        const commands = new Map(Object.entries(${JSON.stringify(commands)}))
        export async function runProgram(argv) {
          const word = commandWord(argv)
          const name = commands.has(word) ? word : 'none'
          const { file, id } = commands.get(word) ?? ${JSON.stringify(all)}
          const directory = getCompileCacheDir()
          // No cache is wanted, or whose it is cannot be told.
          const isOwn = directory !== undefined && process.getuid !== undefined
          const cache = isOwn ? join(directory, ['tidemark', id, name].join('-')) : undefined
          const program = loadModule(join(__dirname, file), cache, require)
          const exit = await program.exports.runProgram(argv)
          if (exit === 0) program.save()
          return exit
        }`,
    }))
  },
})

// In a package of modules esbuild would take what a required module exports for its default export.
const manifest = 'dist/package.json'
writeFileSync(manifest, '{}')
async function buildProgram(group: string | undefined): Promise<Program & { metafile: esbuild.Metafile }> {
  const file = ['program', ...(group?.toLowerCase().split(' ') ?? [])].join('-') + '.cjs'
  const { metafile } = await esbuild.build({
    ...common,
    ...dense,
    entryPoints: ['dist/cli/program.js'],
    outfile: `dist/cli/${file}`,
    banner: { js: moduleWrapper[0] },
    footer: { js: moduleWrapper[1] },
    plugins: [ownPlaces(`dist/cli/${file}`), only(group), packages],
    metafile: true,
  })
  const text = readFileSync(`dist/cli/${file}`)
  if (text.some((byte) => byte >= 0x80)) throw new Error(`dist/cli/${file} is not ASCII`)
  return { file, id: hash('sha256', text).slice(0, 16), metafile }
}

const { metafile, ...all } = await buildProgram(undefined)
const commands: Record<string, Program> = {}
for (const [group, entries] of Map.groupBy(commandTable, (entry) => entry.group)) {
  const { file, id } = await buildProgram(group)
  for (const { name } of entries) commands[name] = { file, id }
}
// Threads are started by commands that last long enough, yet half of what that takes is the loading of forty modules.
for (const thread of [
  'dist/folder/ingest/ingest-thread',
  'dist/folder/apply/apply-thread',
  'dist/folder/blocks/block-thread',
  'dist/mirror/follow/placing-thread',
]) {
  await esbuild.build({
    ...common,
    ...dense,
    entryPoints: [`${thread}.js`],
    outfile: `${thread}.cjs`,
    packages: 'external',
    plugins: [ownPlaces(thread)],
  })
}
writeFileSync('dist/cli/program.licences.txt', licences(metafile))
await esbuild.build({
  ...common,
  entryPoints: ['dist/cli/main.js'],
  outfile: 'dist/cli/main.cjs',
  minify: true,
  // Old versions of Node are to be told, in words that they understand.
  target: 'node12',
  plugins: [program(all, commands)],
})
rmSync(manifest)
chmodSync('dist/cli/main.cjs', 0o755)
