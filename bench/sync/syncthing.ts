import { execFileSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from './free-ports.ts'
import { start, stop, usageOf, type Usage } from './processes.ts'

const key = 'benchmark'

/** The parts of Syncthing's answers that are read. */
interface Status {
  readonly state: string
  readonly needTotalItems: number
  readonly inSyncFiles: number
}
interface Connections {
  readonly total: { readonly inBytesTotal: number; readonly outBytesTotal: number }
}

interface Side {
  readonly home: string
  readonly directory: string
  readonly id: string
  readonly listen: number
  readonly web: number
  process?: ChildProcess
}

/** Two instances of Syncthing on loopback, which know each other and nobody else. */
export class SyncthingPair {
  readonly #sides: readonly [Side, Side]

  private constructor(sides: readonly [Side, Side]) {
    this.#sides = sides
  }

  /** Makes keys and configurations in `home`; nothing runs yet. */
  static async configure(home: string, a: string, b: string): Promise<SyncthingPair> {
    rmSync(home, { recursive: true, force: true })
    const [listenA, webA, listenB, webB] = await freePorts(4)
    const one = makeSide(join(home, 'a'), a, listenA!, webA!)
    const other = makeSide(join(home, 'b'), b, listenB!, webB!)
    for (const side of [one, other])
      writeFileSync(join(side.home, 'config.xml'), configuration(side, [one, other]))
    return new SyncthingPair([one, other])
  }

  start(): void {
    for (const side of this.#sides) {
      const command = [
        'syncthing',
        'serve',
        `--home=${side.home}`,
        '--no-browser',
        '--no-restart',
        '--no-upgrade',
      ]
      side.process = start(command, { stdio: 'ignore', env: { ...process.env, STNODEFAULTFOLDER: '1' } })
    }
  }

  /** Resolves when both have all of `files`, and are at rest. */
  async inStep(files: number): Promise<void> {
    for (;;) {
      const states = await Promise.all(this.#sides.map((side) => ask<Status>(side, 'db/status?folder=bench')))
      const isDone = states.every(
        (status) =>
          status !== undefined &&
          status.state === 'idle' &&
          status.needTotalItems === 0 &&
          status.inSyncFiles >= files,
      )
      if (isDone) return
      await sleep(100)
    }
  }

  /** Bytes between both, as one of them counts them. */
  async wire(): Promise<number> {
    const connections = await ask<Connections>(this.#sides[0], 'system/connections')
    return connections === undefined ? 0 : connections.total.inBytesTotal + connections.total.outBytesTotal
  }

  usage(): readonly Usage[] {
    return this.#sides.map(({ process }) => (process ? usageOf(process) : { cpu: 0, megabytes: 0 }))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sides.map(async ({ process }) => process && stop(process)))
    for (const { directory } of this.#sides)
      rmSync(join(directory, '.stfolder'), { recursive: true, force: true })
  }
}

async function ask<T>({ web }: Side, what: string): Promise<T | undefined> {
  try {
    const url = `http://127.0.0.1:${web}/rest/${what}`
    const response = await fetch(url, { headers: { 'X-API-Key': key } })
    return response.ok ? ((await response.json()) as T) : undefined
  } catch {
    // It is only starting.
    return undefined
  }
}

function makeSide(home: string, directory: string, listen: number, web: number): Side {
  mkdirSync(home, { recursive: true })
  mkdirSync(join(directory, '.stfolder'), { recursive: true })
  execFileSync('syncthing', ['generate', `--home=${home}`, '--no-default-folder', '--skip-port-probing'], {
    stdio: 'ignore',
  })
  const id = execFileSync('syncthing', [`--home=${home}`, '--device-id'], { encoding: 'utf8' }).trim()
  return { home, directory, id, listen, web }
}

/** Everything that would leave the machine is off; the delay of the watcher is the shortest there is. */
function configuration(own: Side, sides: readonly Side[]): string {
  const no = ['globalAnnounce', 'localAnnounce', 'relays', 'nat', 'crashReporting'].map(
    (name) => `<${name}Enabled>false</${name}Enabled>`,
  )
  const members = sides.map(({ id }) => `<device id="${id}"></device>`).join('')
  const devices = sides
    .map(
      ({ id, listen }) => `<device id="${id}" name="x"><address>tcp://127.0.0.1:${listen}</address></device>`,
    )
    .join('')
  return `<configuration version="36">
    <folder id="bench" label="bench" path="${own.directory}" type="sendreceive" rescanIntervalS="3600"
      fsWatcherEnabled="true" fsWatcherDelayS="1">${members}</folder>
    ${devices}
    <gui enabled="true" tls="false"><address>127.0.0.1:${own.web}</address><apikey>${key}</apikey></gui>
    <options><listenAddress>tcp://127.0.0.1:${own.listen}</listenAddress>${no.join('')}
      <startBrowser>false</startBrowser><urAccepted>-1</urAccepted><setLowPriority>false</setLowPriority>
      <autoUpgradeIntervalH>0</autoUpgradeIntervalH><reconnectionIntervalS>1</reconnectionIntervalS></options>
    </configuration>\n`
}
