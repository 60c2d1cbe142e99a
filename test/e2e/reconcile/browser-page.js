/** What the page of browser.test.ts runs: the library's own modules, against the endpoints of the test. */
import { push, reconcile } from './src/exchange/index.js'
import { resolve, summarizeUrl, textDeserializer, textSerializer } from './src/mathsync/index.js'
import { wasmKernel } from './src/reconcile/index.js'

// With a salt of its own one sketch in a hundred would not decode at once, and take another request.
crypto.getRandomValues = (bytes) => bytes.fill(7)

const serialize = textSerializer()
const deserialize = textDeserializer()
const local = Array.from({ length: 3000 }, (_, item) => `key${item + 40}:value${item + 40}`)
const remote = new URL('/set', location.href)

function streamOf(items) {
  return new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item)
      controller.close()
    },
  })
}

export async function run() {
  const live = await reconcile({ local, remote, serialize, deserialize })
  const streamed = await reconcile({ local: streamOf(local), remote, serialize, deserialize, by: 'compare' })
  const old = await resolve({
    local: local.slice(0, 60),
    serialize,
    deserialize,
    remote: summarizeUrl(new URL('/summary', location.href)),
  })
  await push({ local, remote, serialize })
  const after = await reconcile({ local, remote, serialize, deserialize })
  return {
    wasm: wasmKernel() !== undefined,
    live: { ...live, added: live.added.length, removed: live.removed.length },
    streamed: [streamed.added.length, streamed.removed.length],
    old: [old.added.length, old.removed.length],
    after: after.way,
  }
}
