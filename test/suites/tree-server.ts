import type { TestContext } from 'node:test'
import { serveWeb } from '../../src/cli/web-server.ts'
import { treeHandler } from '../../src/server/tree-handler.ts'

/** Runs our own server of `root`; returns its address, which ends with `/`. */
export async function treeServer(t: TestContext, root: string): Promise<string> {
  const handler = treeHandler(root)
  const server = await serveWeb(handler, { host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await server.close()
    handler.close()
  })
  return server.url
}
