/**
 * `npm start` shows Tidemark at work: on a small sample folder that it makes and edits before the reader's
 * eyes, or, as `npm start -- FOLDER`, on that folder. Everything goes through the real command line, each
 * command is printed before it runs.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

const mainFile = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
/** Where the user is: npm itself goes to the directory of package.json. */
const here = process.env['INIT_CWD'] ?? process.cwd()
const pace = process.env['TIDEMARK_START_PACE'] === '0' ? 0 : 1

function say(text: string): void {
  console.log(`\n${styleText('bold', text)}`)
}

/** Prints a command as one would type it in `directory`, and runs it. */
async function run(directory: string, ...args: string[]): Promise<number> {
  showCommand(args)
  const child = start(directory, args, 'inherit')
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)))
}

function showCommand(args: readonly string[]): void {
  const words = args.map((word) => (/^[\w./:~=-]+$/.test(word) ? word : `'${word}'`))
  console.log(`${styleText('dim', '$')} ${styleText('cyan', ['tidemark', ...words].join(' '))}`)
}

function start(directory: string, args: readonly string[], stdio: 'inherit' | 'pipe'): ChildProcess {
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'] ? { FORCE_COLOR: '1' } : {}
  return spawn(process.execPath, [mainFile, ...args], {
    cwd: directory,
    stdio: ['ignore', stdio, 'inherit'],
    env: { ...process.env, ...colour },
  })
}

const sampleMark = '.made-by-npm-start'

async function showSample(): Promise<number> {
  const folder = join(here, 'sample')
  makeSample(folder)
  say(`A folder to try things on: ${folder}. Its history shall be kept.`)
  if ((await run(folder, 'init')) !== 0) return 1

  say('From now on a snapshot is taken whenever something changes. (Here this runs beside.)')
  const watch = new Watch(folder)
  await watch.snapshot()

  say('Somebody works in the folder:')
  for (const [what, edit] of edits) {
    await sleep(pace * 700)
    console.log(`${styleText('dim', '#')} ${what}`)
    edit(folder)
    await watch.snapshot()
  }
  await watch.stop()

  say('What has been kept:')
  await run(folder, 'log')
  await sleep(pace * 700)
  say('What the last change was, line by line:')
  await run(folder, 'diff', 'latest~1', '--text')
  await sleep(pace * 700)
  say('One file through the time, also under its former name:')
  await run(folder, 'history', 'letters/to-ben.txt')
  await sleep(pace * 700)

  say('Now an accident: the shopping list is overwritten, the picture deleted.')
  writeFileSync(join(folder, 'shopping.txt'), 'oops\n')
  rmSync(join(folder, 'picture.ppm'))
  await run(folder, 'status')
  await sleep(pace * 700)
  say('Back to how it was. What is there now is recorded first, so this can be undone as well.')
  await run(folder, 'restore', 'latest', '--in-place')
  await run(folder, 'cat', 'latest~1:shopping.txt')
  const verified = await run(folder, 'verify', '--data')

  say('Your turn.')
  sayHowToGoOn(folder)
  return verified
}

/** A few texts and something like a picture. */
function makeSample(folder: string): void {
  if (existsSync(folder) && !existsSync(join(folder, sampleMark))) {
    console.error(`${folder} is there already and not from here: remove it, or say npm start -- FOLDER`)
    process.exit(1)
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'letters'), { recursive: true })
  writeFileSync(join(folder, sampleMark), 'npm start makes this folder anew each time.\n')
  writeFileSync(join(folder, 'shopping.txt'), 'milk\nbread\napples\n')
  writeFileSync(
    join(folder, 'letters/draft.txt'),
    'Dear Ben,\n\nthe boat is ready. We could leave on Friday, if the wind holds.\n\nAnn\n',
  )
  const side = 256
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_value, i) => {
    const [x, y, colour] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3]
    return (x * (colour + 1)) ^ (y * (3 - colour))
  })
  writeFileSync(join(folder, 'picture.ppm'), Buffer.concat([Buffer.from(`P6 ${side} ${side} 255\n`), pixels]))
}

const edits: readonly (readonly [string, (folder: string) => void])[] = [
  [
    'butter on the list, no more apples',
    (folder) => writeFileSync(join(folder, 'shopping.txt'), 'milk\nbread\nbutter\n'),
  ],
  [
    'the draft becomes a letter',
    (folder) => renameSync(join(folder, 'letters/draft.txt'), join(folder, 'letters/to-ben.txt')),
  ],
  [
    'the letter says Saturday instead',
    (folder) =>
      writeFileSync(
        join(folder, 'letters/to-ben.txt'),
        'Dear Ben,\n\nthe boat is ready. We could leave on Saturday, if the wind holds.\n\nAnn\n',
      ),
  ],
]

/** `tidemark watch` beside everything else, its lines shown as they come. */
class Watch {
  readonly #child: ChildProcess
  readonly #waiting: (() => void)[] = []
  #ready = 0
  #ended = false

  constructor(folder: string) {
    const args = ['watch', '--debounce', '300ms']
    showCommand(args)
    this.#child = start(folder, args, 'pipe')
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      console.log(`  ${styleText('dim', 'watch:')} ${line}`)
      if (/snapshot/.test(line)) this.#arrived()
    })
    this.#child.on('close', () => {
      this.#ended = true
      this.#waiting.forEach((resolve) => resolve())
    })
  }

  #arrived(): void {
    const resolve = this.#waiting.shift()
    if (resolve) resolve()
    else this.#ready++
  }

  /** Resolves when a snapshot has been taken that was not waited for yet. */
  snapshot(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    if (this.#ready > 0) {
      this.#ready--
      return Promise.resolve()
    }
    return Promise.race([
      new Promise<void>((resolve) => void this.#waiting.push(resolve)),
      sleep(15_000, undefined, { ref: false }),
    ])
  }

  async stop(): Promise<void> {
    if (this.#ended) return
    const closed = new Promise((resolve) => this.#child.on('close', resolve))
    this.#child.kill('SIGINT')
    await closed
  }
}

async function showFolder(folder: string): Promise<number> {
  const kept = await new Promise<number | null>((resolve) => {
    const child = spawn(process.execPath, [mainFile, '-C', folder, 'log', '-n', '1'], { stdio: 'ignore' })
    child.on('close', resolve)
  })
  if (kept === 4) {
    say(`The history of ${folder} shall be kept: in .tidemark inside of it.`)
    const code = await run(folder, 'init')
    if (code !== 0) return code
  }
  say('A snapshot of what is there now:')
  const code = await run(folder, 'snapshot')
  if (code !== 0 && code !== 3) return code
  say('All snapshots, newest first:')
  await run(folder, 'log', '-n', '10')
  say('What has changed since:')
  await run(folder, 'status')
  say('Go on with this folder.')
  sayHowToGoOn(folder)
  return code
}

function sayHowToGoOn(folder: string): void {
  const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
  const inside = relative(here, folder)
  const place = inside === '' || inside.startsWith('..') ? folder : inside
  console.log(`To have the command in this shell:

  tidemark() { '${root}/node_modules/.bin/node' '${root}/src/cli/main.ts' "$@"; }

Then, for instance:

  cd '${place}'
  tidemark --help                     what there is
  tidemark watch                      keep every version from now on (Ctrl-C ends it)
  tidemark ls -l latest~1             what was there before
  tidemark find '*.txt'               every text there ever was
  tidemark restore latest~1 --to ../as-it-was

README.md has a tour of five minutes, docs/guide/ the rest.`)
}

const [given] = process.argv.slice(2)
process.exitCode = given === undefined ? await showSample() : await showFolder(resolve(here, given))
