import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import * as esbuild from 'esbuild'

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
  packages: 'external',
  // What is loaded when it is needed stays so, but by require: Node's loader of modules takes twice the time.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
  absWorkingDir: process.cwd(),
} as const

/** Modules that say where they are (for threads and files beside them) say it as if they stood alone. */
const ownPlaces: esbuild.Plugin = {
  name: 'own places',
  setup: (build) => {
    build.onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.url')) return undefined
      const place = JSON.stringify(relative('dist/cli', path))
      const url = `require('node:url').pathToFileURL(require('node:path').join(__dirname, ${place})).href`
      return { contents: text.replaceAll('import.meta.url', url), resolveDir: dirname(path) }
    })
  },
}

/** The beginning leaves the rest to the file of all. */
const program: esbuild.Plugin = {
  name: 'program',
  setup: (build) => {
    build.onResolve({ filter: /^\.\/program\.js$/ }, () => ({ path: './program.cjs', external: true }))
  },
}

// In a package of modules esbuild would take what a required module exports for its default export.
const manifest = 'dist/package.json'
writeFileSync(manifest, '{}')
await esbuild.build({
  ...common,
  entryPoints: ['dist/cli/program.js'],
  outfile: 'dist/cli/program.cjs',
  plugins: [ownPlaces],
})
await esbuild.build({
  ...common,
  entryPoints: ['dist/cli/main.js'],
  outfile: 'dist/cli/main.cjs',
  // Old versions of Node are to be told, in words that they understand.
  target: 'node12',
  plugins: [program],
})
rmSync(manifest)
chmodSync('dist/cli/main.cjs', 0o755)
