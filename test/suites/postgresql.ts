import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { TestContext } from 'node:test'
import { Client } from 'pg'

/** The directory of the newest server that Debian's package has installed; undefined when there is none. */
export function postgresPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return undefined
  const [newest] = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a))
  return newest === undefined ? undefined : join(versions, newest, 'bin')
}

/**
 * A PostgreSQL server of the test's own, in a fresh directory and on a socket there, not on the network; and a
 * client connected to it. Both end with the test. The server refuses to run as root, so root's tests run it
 * as the user that the package makes.
 */
export async function startPostgres(t: TestContext, programs: string): Promise<Client> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-pg-'))
  const user = process.getuid?.() === 0 ? identityOf('postgres') : {}
  if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid)
  const data = join(directory, 'data')
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'test', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale', 'C'],
    { ...user, stdio: 'ignore' },
  )
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-k', directory, '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'work_mem=128MB'],
    { ...user, stdio: 'ignore' },
  )
  const ended = once(server, 'exit')
  const client = await connect(directory, ended)
  t.after(async () => {
    await client.end()
    server.kill('SIGINT')
    await ended
    rmSync(directory, { recursive: true, force: true })
  })
  return client
}

async function connect(directory: string, ended: Promise<unknown>): Promise<Client> {
  let over = false
  void ended.then(() => (over = true))
  for (;;) {
    const client = new Client({ host: directory, user: 'test', database: 'postgres' })
    try {
      await client.connect()
      return client
    } catch (error) {
      if (over) throw error
      await setTimeout(50)
    }
  }
}

function identityOf(user: string): { uid?: number; gid?: number } {
  const of = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: of('-u'), gid: of('-g') }
}
