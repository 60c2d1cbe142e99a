import { openDirectory } from '../../../src/folder/system/directory-handle.ts'
import { DirectoryTransport } from '../../../src/mirror/transport/directory-transport.ts'
import { HttpTransport } from '../../../src/mirror/transport/http-transport.ts'
import { RsyncTransport } from '../../../src/mirror/transport/rsync-transport.ts'
import { Throttle } from '../../../src/mirror/transport/throttle.ts'
import { requireTool } from '../../require.ts'
import { hasProgram } from '../../suites/has-program.ts'
import { nginx } from '../../suites/nginx.ts'
import { rsyncDaemon } from '../../suites/rsync-daemon.ts'
import { staticServer } from '../../suites/static-server.ts'
import { treeServer } from '../../suites/tree-server.ts'
import { transportSuite } from '../../suites/transport-suite.ts'

const throttle = new Throttle(Infinity)

transportSuite('a directory', (_t, { tree }) => new DirectoryTransport(tree, { throttle }))

transportSuite('a static server', async (t, { tree }) => {
  const { url } = await staticServer(t, tree)
  return new HttpTransport(url, { throttle })
})

transportSuite('a server without ranges and conditions', async (t, { tree }) => {
  const { url } = await staticServer(t, tree, { simple: true })
  return new HttpTransport(url, { throttle })
})

transportSuite('our own server', async (t, { tree }) => {
  return new HttpTransport(await treeServer(t, tree), { throttle })
})

transportSuite('nginx', async (t, { tree }) => {
  if (!requireTool(t, hasProgram('nginx'), 'nginx is needed (nginx-light)')) return undefined
  return new HttpTransport(await nginx(t, tree), { throttle })
})

transportSuite('an rsync daemon', async (t, { tree, local, scratch }) => {
  if (!requireTool(t, hasProgram('rsync'), 'rsync is needed')) return undefined
  const handle = openDirectory(scratch)
  t.after(() => handle.close())
  return new RsyncTransport(await rsyncDaemon(t, tree), { scratch: handle, local })
})

transportSuite('a directory at a limited rate', (_t, { tree }) => {
  return new DirectoryTransport(tree, { throttle: new Throttle(100 * 1024 * 1024) })
})
