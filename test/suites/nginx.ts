import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort, listening } from './rsync-daemon.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Runs a real nginx that offers `root`; returns its address, which ends with `/`. */
export async function nginx(t: TestContext, root: string): Promise<string> {
  const port = await freePort()
  const directory = temporaryDirectory(t)
  const config = join(directory, 'nginx.conf')
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(' ')
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${join(directory, 'pid')}; error_log ${join(directory, 'error')};
events { worker_connections 256; }
http { access_log off; ${scratch}
  server { listen 127.0.0.1:${port}; root ${root}; keepalive_requests 100000; }
}\n`,
  )
  const server = spawn('nginx', ['-c', config, '-e', join(directory, 'error')], { stdio: 'ignore' })
  t.after(() => server.kill())
  await listening(port)
  return `http://127.0.0.1:${port}/`
}
