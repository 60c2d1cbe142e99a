import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { measure, median, row, warm, warmRepository } from './measure.ts'
import type { Cost } from './measure.ts'
import { makeTree, treeNames } from './trees.ts'

/*
 * The history of a folder, against restic and rsync: node bench/history.ts PLACE [small|share|big…]
 *
 * PLACE wants some 15 GB. Each step is run by all tools in turn, `RUNS` (3) times, with warm caches, and the
 * medians are printed with their ratios to restic. Tidemark runs as users have it: the built package's
 * command (npm run build first).
 */

const runs = Number(process.env['RUNS'] ?? 3)
const command = join(import.meta.dirname, '../dist/cli/main.cjs')
const env = { RESTIC_PASSWORD: 'bench' }

class Comparison {
  readonly #place: string
  readonly #tree: string
  readonly #name: string
  readonly #costs = new Map<string, Map<string, Cost[]>>()

  constructor(place: string, name: string) {
    this.#name = name
    this.#place = join(place, name)
    this.#tree = join(this.#place, 'tree')
    mkdirSync(name === 'share' ? this.#place : this.#tree, { recursive: true })
    makeTree(name, this.#tree)
  }

  #tidemark(...args: string[]): string[] {
    return [process.execPath, command, '-C', this.#tree, ...args]
  }

  #restic(...args: string[]): string[] {
    const cache = join(this.#place, 'restic-cache')
    return ['restic', '-q', '--cache-dir', cache, '-r', join(this.#place, 'restic'), ...args]
  }

  #note(step: string, tool: string, args: readonly string[]): void {
    const tools = this.#costs.get(step) ?? new Map<string, Cost[]>()
    this.#costs.set(step, tools)
    tools.set(tool, [...(tools.get(tool) ?? []), measure(this.#place, args, env)])
  }

  /** Every step once. */
  run(): void {
    const [tree, place] = [this.#tree, this.#place]
    const backup = this.#restic('backup', '--exclude', '.tidemark', tree)
    rmSync(join(tree, '.tidemark'), { recursive: true, force: true })
    for (const name of ['restic', 'restic-cache', 'rsync'])
      rmSync(join(place, name), { recursive: true, force: true })
    execFileSync(process.execPath, [command, 'init', tree], { stdio: 'ignore' })
    execFileSync('restic', this.#restic('init').slice(1), { env: { ...process.env, ...env } })

    warm(tree)
    this.#note('first snapshot', 'tidemark', this.#tidemark('snapshot'))
    warm(tree)
    this.#note('first snapshot', 'restic', backup)
    this.#stored()

    if (this.#name !== 'big') {
      const copy = ['rsync', '-a', '--delete', '--exclude', '.tidemark', `${tree}/`, join(place, 'rsync')]
      measure(place, copy)
      warm(tree)
      this.#note('nothing changed', 'tidemark', this.#tidemark('snapshot'))
      this.#note('nothing changed', 'rsync -a', copy)
      this.#note('nothing changed', 'restic', backup)
      this.#change(1000)
      this.#note('1,000 files changed', 'tidemark', this.#tidemark('snapshot'))
      this.#note('1,000 files changed', 'restic', backup)
      const [older, newer] = this.#resticIds()
      this.#note('ls', 'tidemark', this.#tidemark('ls', '-R', 'latest'))
      this.#note('ls', 'restic', this.#restic('ls', '-l', newer!))
      this.#note('log', 'tidemark', this.#tidemark('log'))
      this.#note('log', 'restic', this.#restic('snapshots'))
      this.#note('diff', 'tidemark', this.#tidemark('diff', 'latest~1', 'latest'))
      this.#note('diff', 'restic', this.#restic('diff', older!, newer!))
    }
    const target = join(place, 'restored')
    for (const tool of ['tidemark', 'restic']) {
      rmSync(target, { recursive: true, force: true })
      const args =
        tool === 'tidemark'
          ? this.#tidemark('restore', 'latest', '--to', target)
          : this.#restic('restore', 'latest', '--target', target)
      warmRepository(tool === 'tidemark' ? join(tree, '.tidemark/repository') : join(place, 'restic'))
      this.#note('restore', tool, args)
    }
    rmSync(target, { recursive: true, force: true })
    this.#note('restore in place, unchanged', 'tidemark', this.#tidemark('restore', 'latest', '--in-place'))
    this.#note('--version', 'tidemark', [process.execPath, command, '--version'])
  }

  #stored(): void {
    const [own, restic] = [join(this.#tree, '.tidemark/repository'), join(this.#place, 'restic')].map(
      sizeBelow,
    )
    console.log(
      row(`${this.#name}: stored MB`, [own! / 1e6, restic! / 1e6, `x${(own! / restic!).toFixed(3)}`]),
    )
  }

  #resticIds(): string[] {
    const output = execFileSync('restic', this.#restic('snapshots', '--json').slice(1), {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    return (JSON.parse(output) as { id: string }[]).map(({ id }) => id).slice(-2)
  }

  /** Appends a line to `count` files spread over the tree. */
  #change(count: number): void {
    const files = execFileSync(
      'find',
      [this.#tree, '-name', '.tidemark', '-prune', '-o', '-type', 'f', '-print'],
      {
        encoding: 'utf8',
        maxBuffer: 1024 ** 3,
      },
    )
      .split('\n')
      .filter((file) => file !== '')
      .toSorted()
    for (let n = 0; n < count; n++)
      appendFileSync(files[Math.floor((n * files.length) / count)]!, `changed ${n}\n`)
  }

  print(): void {
    for (const [step, tools] of this.#costs) {
      const reference = tools.get('restic') && median(tools.get('restic')!)
      for (const [tool, costs] of tools) {
        const { wall, cpu, megabytes } = median(costs)
        const ratios = reference
          ? [`x${(wall / reference.wall).toFixed(2)}`, `x${(cpu / reference.cpu).toFixed(2)}`]
          : ['', '']
        console.log(row(`${this.#name}: ${step}: ${tool}`, [wall, cpu, megabytes.toFixed(0), ...ratios]))
      }
    }
  }
}

function sizeBelow(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

const [place, ...names] = process.argv.slice(2)
if (place === undefined) {
  console.error('usage: node bench/history.ts PLACE [small|share|big…]')
  process.exit(2)
}
console.log(row('tree: step: tool', ['wall s', 'CPU s', 'RSS MB', 'wall/restic', 'CPU/restic']))
for (const name of names.length > 0 ? names : treeNames) {
  const comparison = new Comparison(place, name)
  for (let n = 0; n < runs; n++) comparison.run()
  comparison.print()
}
