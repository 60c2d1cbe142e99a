import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** What went through a proxy since it was asked last. */
export interface Traffic {
  readonly connections: number
  readonly requests: number
  /** Bytes, both ways. */
  readonly bytes: number
}

const ports = { http: 18_081, rsync: 18_082, nginx: 18_083, rsyncd: 18_084 }

/** nginx and an rsync daemon that serve `tree`, behind proxies that count. */
export class MirrorServers {
  readonly http: string = `http://127.0.0.1:${ports.http}/`
  readonly rsync: string = `rsync://127.0.0.1:${ports.rsync}/tree/`
  readonly #children: ChildProcess[] = []
  readonly #proxy: ChildProcess

  private constructor(place: string, tree: string) {
    mkdirSync(place, { recursive: true })
    const nginx = join(place, 'nginx.conf')
    const server = `server { listen 127.0.0.1:${ports.nginx}; root ${tree}; keepalive_requests 1000000; }`
    writeFileSync(
      nginx,
      `daemon off; master_process off; pid ${place}/nginx.pid; error_log ${place}/nginx.log;\n` +
        `events {}\nhttp { access_log off; default_type application/octet-stream; sendfile on;\n` +
        `client_body_temp_path ${place}/body; proxy_temp_path ${place}/proxy; fastcgi_temp_path ${place}/f;\n` +
        `uwsgi_temp_path ${place}/u; scgi_temp_path ${place}/s;\n${server} }\n`,
    )
    const rsyncd = join(place, 'rsyncd.conf')
    writeFileSync(
      rsyncd,
      `pid file = ${place}/rsyncd.pid\nlog file = ${place}/rsyncd.log\nuse chroot = no\n` +
        `port = ${ports.rsyncd}\naddress = 127.0.0.1\n[tree]\npath = ${tree}\nread only = yes\n` +
        `exclude = /.tidemark/\nuid = 0\ngid = 0\n`,
    )
    this.#children.push(
      spawn('nginx', ['-p', place, '-c', nginx], { stdio: 'ignore' }),
      spawn('rsync', ['--daemon', '--no-detach', `--config=${rsyncd}`], { stdio: 'ignore' }),
    )
    const pairs = [`${ports.http}:${ports.nginx}`, `${ports.rsync}:${ports.rsyncd}`]
    this.#proxy = fork(join(import.meta.dirname, 'counting-proxy.ts'), pairs)
  }

  static async start(place: string, tree: string): Promise<MirrorServers> {
    for (const tool of ['nginx', 'rsync']) {
      if (spawnSync('which', [tool]).status !== 0) throw new Error(`${tool} is not installed`)
    }
    const servers = new MirrorServers(place, tree)
    for (const port of Object.values(ports)) await answers(port)
    await servers.traffic()
    return servers
  }

  /** What went through each proxy since the last call. */
  async traffic(): Promise<{ http: Traffic; rsync: Traffic }> {
    // What is on its way still arrives.
    await setTimeout(100)
    this.#proxy.send('counts')
    const [counts] = (await once(this.#proxy, 'message')) as [
      Record<string, { connections: number; requests: number; sent: number; received: number }>,
    ]
    const of = (port: number): Traffic => {
      const { connections, requests, sent, received } = counts[port]!
      return { connections, requests, bytes: sent + received }
    }
    return { http: of(ports.http), rsync: of(ports.rsync) }
  }

  async stop(): Promise<void> {
    for (const child of [...this.#children, this.#proxy]) {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

async function answers(port: number): Promise<void> {
  for (let n = 0; n < 100; n++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true))
      socket.on('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await setTimeout(50)
  }
  throw new Error(`nothing answers at port ${port}`)
}
