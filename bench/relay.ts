import { connect, createServer, type AddressInfo } from 'node:net'

/*
 * Relays connections to a port of this machine and counts what goes by: started by a benchmark with that port, it
 * tells its own, then answers each message with the number of bytes.
 */

const [port] = process.argv.slice(2)
let bytes = 0
const server = createServer((client) => {
  const upstream = connect(Number(port), '127.0.0.1')
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on('data', (piece) => (bytes += piece.length))
    from.on('error', () => to.destroy())
    from.pipe(to)
  }
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('message', () => process.send?.(bytes))
process.on('disconnect', () => process.exit())
