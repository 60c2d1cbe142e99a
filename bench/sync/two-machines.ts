import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { History } from './contender.ts'
import { freePorts } from './free-ports.ts'
import type { Ground, Run } from './ground.ts'
import { start, stop, usageOf, type Usage } from './processes.ts'

/**
 * Two machines that have been paired, as far as Tidemark can tell: each has a home of its own, and they talk TLS on
 * loopback. The far one serves a folder by `tidemark up`; the near one goes there.
 */
export class TwoMachines {
  readonly #ground: Ground
  readonly #port: number
  #far: ChildProcess | undefined

  private constructor(ground: Ground, port: number) {
    this.#ground = ground
    this.#port = port
  }

  static async pair(ground: Ground): Promise<TwoMachines> {
    for (const home of ['far', 'near']) ground.empty(`homes/${home}`)
    const [port] = await freePorts(1)
    const machines = new TwoMachines(ground, port!)
    const address = `127.0.0.1:${port}`
    const far = machines.#pairing('far', '--listen', address)
    await far.told('listening')
    const near = machines.#pairing('near', address)
    const codes = [await far.told('code'), await near.told('code')]
    far.process.stdin!.write(`${codes[1]}\n`)
    near.process.stdin!.write(`${codes[0]}\n`)
    await Promise.all([far, near].map(({ process }) => once(process, 'exit')))
    return machines
  }

  /** What the near one calls the folder of the far one. */
  get place(): string {
    return `tidemark://127.0.0.1:${this.#port}/bench`
  }

  #env(home: string): Readonly<Record<string, string>> {
    return { ...this.#ground.env, TIDEMARK_HOME: this.#ground.at(`homes/${home}`) }
  }

  #pairing(home: string, ...args: readonly string[]): Told {
    const command = ['--json', 'pair', ...args, '--code']
    return new Told(
      spawn(this.#ground.at('bin/tidemark'), command, {
        env: { ...process.env, ...this.#env(home) },
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    )
  }

  #up(home: string, text: string): ChildProcess {
    const config = this.#ground.at(`homes/${home}/up.yaml`)
    writeFileSync(config, text)
    const command = [this.#ground.at('bin/tidemark'), '--json', 'up', '--config', config]
    return start(command, {
      env: { ...process.env, ...this.#env(home) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  /** The far one serves `directory` until it is stopped. Resolves when it listens. */
  async serve(directory: string, history: History): Promise<void> {
    const folder = `folders:\n  - path: ${directory}\n    name: bench\n    history: ${history}\n`
    this.#far = this.#up('far', `listen: 127.0.0.1:${this.#port}\n${folder}`)
    await new Told(this.#far).told('event')
  }

  /** The near one brings `directory` in step with what is served, once. */
  sync(directory: string, history: History): Promise<Run> {
    const command = [
      this.#ground.at('bin/tidemark'),
      '-q',
      'sync',
      '--history',
      history,
      directory,
      this.place,
    ]
    return this.#ground.run(command, { env: this.#env('near') })
  }

  /** The near one keeps `directory` in step until it is stopped. */
  keep(directory: string): ChildProcess {
    const near = this.#up('near', `folders:\n  - path: ${directory}\n    peers: ["${this.place}"]\n`)
    near.stdout!.resume()
    return near
  }

  usage(): Usage {
    return usageOf(this.#far!)
  }

  async stop(): Promise<void> {
    if (this.#far !== undefined) await stop(this.#far)
  }
}

/** A process that says with lines of JSON what happens. */
class Told {
  readonly process: ChildProcess
  readonly #lines: Record<string, unknown>[] = []

  constructor(child: ChildProcess) {
    this.process = child
    const lines = createInterface({ input: child.stdout! })
    lines.on('line', (line) => this.#lines.push(JSON.parse(line) as Record<string, unknown>))
  }

  /** The value of the first line that has this field. */
  async told(field: string): Promise<string> {
    for (let n = 0; n < 600; n++) {
      const line = this.#lines.find((found) => field in found)
      if (line !== undefined) return String(line[field])
      if (this.process.exitCode !== null) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`nothing was said of ${field}`)
  }
}
