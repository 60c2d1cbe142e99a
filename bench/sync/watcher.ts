import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tidemark, unison, type History } from './contender.ts'
import type { Ground } from './ground.ts'
import { start, stop, usageOf, type Usage } from './processes.ts'
import { SyncthingPair } from './syncthing.ts'
import { TwoMachines } from './two-machines.ts'

/** Something that brings changes of the directory `a` to `b` until it is stopped. */
export interface Watcher {
  readonly name: string
  /** Resolves when it runs, which need not be when it is ready (see `arrives`). `b` is a copy of `a`. */
  start(a: string, b: string): Promise<Watching>
}

export interface Watching {
  /** It has not ended by itself, as what cannot begin does. */
  isRunning(): boolean
  usage(): Usage
  stop(): Promise<void>
}

function startOne(command: readonly string[], env: Readonly<Record<string, string>>): Watching {
  const isLoud = command[0] === 'unison'
  const child = start(command, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', isLoud ? 'ignore' : 'inherit'],
  })
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  return { isRunning, usage: () => usageOf(child), stop: () => stop(child) }
}

/** `piped`: by ssh, as to another machine. */
export function watchingTidemark(ground: Ground, history: History, piped: boolean): Watcher {
  const { name, command } = tidemark(ground, history)
  return {
    name: `${name}${piped ? ', ssh' : ''}`,
    start: async (a, b) => startOne([...command(a, b, piped), '--watch'], ground.env),
  }
}

/** `tidemark up` on both sides, over TLS. */
export function upTidemark(ground: Ground, history: History): Watcher {
  return {
    name: `tidemark ${history}, TLS`,
    async start(a, b) {
      const machines = await TwoMachines.pair(ground)
      await machines.serve(b, history)
      await machines.sync(a, history)
      const near = machines.keep(a)
      const usage = (): Usage => {
        const [one, other] = [usageOf(near), machines.usage()]
        return { cpu: one.cpu + other.cpu, megabytes: one.megabytes + other.megabytes }
      }
      const end = async (): Promise<void> => {
        await stop(near)
        await machines.stop()
      }
      return { isRunning: () => near.exitCode === null, usage, stop: end }
    },
  }
}

/** It copies with rsync, or by itself where it can (`direct`). */
export function lsyncd(ground: Ground, kind: 'rsync' | 'direct'): Watcher {
  return {
    name: `lsyncd ${kind}`,
    async start(a, b) {
      const config = ground.at('lsyncd.lua')
      const sync = `sync { default.${kind}, source = "${a}", target = "${b}", delay = 0 }`
      writeFileSync(config, `settings { nodaemon = true, inotifyMode = "CloseWrite or Modify" }\n${sync}\n`)
      return startOne(['lsyncd', '-nodaemon', '-log', 'scarce', config], {})
    },
  }
}

/** It looks once a second; to be told by the system it wants a program that Debian does not have. */
export function repeatingUnison(ground: Ground): Watcher {
  const { name, command, how, forget } = unison(ground)
  return {
    name: `${name} -repeat 1`,
    async start(a, b) {
      forget!(a, b)
      return startOne([...command(a, b, false), '-repeat', '1'], { ...how!.env })
    },
  }
}

export function syncthing(ground: Ground): Watcher {
  return {
    name: 'syncthing, 1 s',
    async start(a, b) {
      const pair = await SyncthingPair.configure(ground.at('syncthing'), a, b)
      pair.start()
      const usage = (): Usage => {
        const [one, other] = pair.usage()
        return { cpu: one!.cpu + other!.cpu, megabytes: one!.megabytes + other!.megabytes }
      }
      return { isRunning: () => true, usage, stop: () => pair.stop() }
    },
  }
}

/** Milliseconds from now until `path` has this content. Looks each millisecond. */
export async function arrives(watching: Watching, path: string, content: string): Promise<number> {
  const started = performance.now()
  for (;;) {
    const waited = performance.now() - started
    if (contentOf(path) === content) return waited
    if (waited > 120_000 || !watching.isRunning()) throw new Error(`${path} does not arrive`)
    await sleep(1)
  }
}

/** Writes until what is written arrives soon: what watches has begun. */
export async function settle(watching: Watching, a: string, b: string): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await sleep(500)
    // Each of another length: Unison tells files apart by that and by whole seconds.
    const content = 'probe '.repeat(n + 1)
    writeFileSync(join(a, 'probe'), content)
    await arrives(watching, join(b, 'probe'), content)
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
