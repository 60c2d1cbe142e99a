import { createServer, connect } from 'node:net'

/*
 * Passes connections on to servers on loopback, and counts what goes through: a process of its own, so that its
 * work is nobody else's. Arguments: pairs of ports, LISTEN:TARGET. To each message it answers with the counts
 * since the last one, by listening port.
 */

interface Counts {
  connections: number
  /** HTTP requests, or whatever else begins like one. */
  requests: number
  sent: number
  received: number
}

const counts = new Map<string, Counts>()
const none = (): Counts => ({ connections: 0, requests: 0, sent: 0, received: 0 })

for (const pair of process.argv.slice(2)) {
  const [port = '', target = ''] = pair.split(':')
  counts.set(port, none())
  const server = createServer((client) => {
    const upstream = connect(Number(target), '127.0.0.1')
    counts.get(port)!.connections++
    client.on('data', (bytes) => {
      counts.get(port)!.sent += bytes.length
      if (/^(GET|HEAD) \//.test(bytes.toString('latin1', 0, 6))) counts.get(port)!.requests++
    })
    upstream.on('data', (bytes) => (counts.get(port)!.received += bytes.length))
    client.pipe(upstream).pipe(client)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(Number(port), '127.0.0.1')
}

process.on('message', () => {
  process.send!(Object.fromEntries(counts))
  for (const port of counts.keys()) counts.set(port, none())
})
process.on('disconnect', () => process.exit())
