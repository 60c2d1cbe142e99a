import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { TidemarkError } from '../../../src/errors.ts'
import type { DirectoryEntry } from '../../../src/object/entry.ts'
import { idOf } from '../../../src/object/id.ts'
import type { Snapshot } from '../../../src/object/snapshot.ts'
import type { Time } from '../../../src/store/time.ts'
import type { Head } from '../../../src/sync/head.ts'
import { keepInStep } from '../../../src/sync/keep-in-step.ts'
import type { StepEvent, StepPeer } from '../../../src/sync/keep-in-step.ts'
import type { HeadOptions, Peer } from '../../../src/sync/peer.ts'
import type { Replica } from '../../../src/sync/replica.ts'

/** Goes on at once, and notes for how long it was to wait. */
class Hurry implements Time {
  readonly waits: number[] = []
  #now = 0

  now(): number {
    return this.#now
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(milliseconds)
    this.#now += milliseconds
    await setImmediate()
    signal?.throwIfAborted()
  }
}

const device = '01'.repeat(16)

/** A snapshot of nothing, of which number `count` says all. */
function head(count: number): Head {
  const snapshot = {
    folder: 'ab'.repeat(16),
    clock: [{ device, count, id: undefined }],
    root: { kind: 'directory', name: '', count: 0, size: 0 } as unknown as DirectoryEntry,
  } as unknown as Snapshot
  return { id: idOf(new TextEncoder().encode(`${count}`)), snapshot }
}

/** Two sides that are always in step, until `bump` says that something has changed on both. */
function sides(): { replica: Replica; peer: Peer; bump: () => void; looks: () => number } {
  let now = head(1)
  let looks = 0
  let wakers: (() => void)[] = []
  const wait = (signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      wakers.push(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  const replica = {
    folder: now.snapshot.folder,
    device,
    host: 'here',
    capture: () => Promise.resolve(now),
    changed: (_after: unknown, _waitMs: number, options?: { signal?: AbortSignal }) => wait(options?.signal),
  } as unknown as Replica
  const peer = {
    name: 'there',
    async head(options?: { after?: unknown; signal?: AbortSignal }) {
      looks++
      if (options?.after !== undefined) await wait(options.signal)
      return now
    },
  } as unknown as Peer
  const bump = (): void => {
    now = head(now.snapshot.clock[0]!.count + 1)
    const waiting = wakers
    wakers = []
    for (const wake of waiting) wake()
  }
  return { replica, peer, bump, looks: () => looks }
}

async function settle(): Promise<void> {
  for (let n = 0; n < 50; n++) await setImmediate()
}

test('each change is a session, and between them nothing is asked', async () => {
  const { replica, peer, bump, looks } = sides()
  const stop = new AbortController()
  const events: StepEvent[] = []
  const time = new Hurry()
  const stepPeer: StepPeer = {
    name: 'peer',
    mode: 'two-way',
    connect: () => Promise.resolve({ peer, close: () => Promise.resolve() }),
  }
  const options = { signal: stop.signal, time, onEvent: (event: StepEvent) => void events.push(event) }
  const done = keepInStep(replica, [stepPeer], options)
  await settle()
  const before = looks()
  await settle()
  assert.equal(looks(), before)
  for (let n = 0; n < 3; n++) {
    bump()
    await settle()
  }
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['connected', 'synchronized', 'synchronized', 'synchronized', 'synchronized'],
  )
  stop.abort()
  await done
})

test('a peer that is away is tried again, later and later, and anew after it has been there', async () => {
  const { replica, peer } = sides()
  const stop = new AbortController()
  const time = new Hurry()
  const waits: number[] = []
  let tries = 0
  const stepPeer: StepPeer = {
    name: 'peer',
    mode: 'two-way',
    connect() {
      if (++tries !== 9) return Promise.reject(new TidemarkError('unavailable', 'away'))
      let heads = 0
      const gone = Object.assign(Object.create(peer) as Peer, {
        head: (options?: HeadOptions) =>
          ++heads > 1 ? Promise.reject(new TidemarkError('unavailable', 'gone')) : peer.head(options),
      })
      return Promise.resolve({ peer: gone, close: () => Promise.resolve() })
    },
  }
  const onEvent = (event: StepEvent): void => {
    if (event.kind !== 'failed') return
    waits.push(event.waitMs)
    if (waits.length === 11) stop.abort()
  }
  await keepInStep(replica, [stepPeer], { signal: stop.signal, time, onEvent, random: () => 0.5 })
  assert.deepEqual(
    waits,
    [1, 2, 4, 8, 16, 32, 60, 60, 1, 2, 4].map((seconds) => seconds * 1000),
  )
})

test('what the replica itself rejects ends it, and is not taken for a failure of the peer', async () => {
  const { replica, peer } = sides()
  let looks = 0
  const broken: Replica = Object.assign(Object.create(replica) as Replica, {
    capture: () =>
      ++looks > 2 ? Promise.reject(new TidemarkError('unavailable', 'no disk')) : replica.capture(),
  })
  const stepPeer: StepPeer = {
    name: 'peer',
    mode: 'two-way',
    connect: () => Promise.resolve({ peer, close: () => Promise.resolve() }),
  }
  const events: StepEvent[] = []
  const options = { signal: new AbortController().signal, time: new Hurry() }
  const done = keepInStep(broken, [stepPeer], { ...options, onEvent: (event) => void events.push(event) })
  // The last look is that of the session.
  await assert.rejects(done, /no disk/)
  assert.ok(events.filter(({ kind }) => kind === 'failed').length <= 1)
})

test('sides that say that something has changed when nothing has do not make it spin', async () => {
  const { replica, peer } = sides()
  const restless = {
    ...replica,
    capture: () => replica.capture(),
    changed: () => Promise.resolve(),
  } as Replica
  const stop = new AbortController()
  const time = new Hurry()
  const stepPeer: StepPeer = {
    name: 'peer',
    mode: 'two-way',
    connect: () => Promise.resolve({ peer, close: () => Promise.resolve() }),
  }
  const done = keepInStep(restless, [stepPeer], { signal: stop.signal, time, random: () => 0.5 })
  for (let n = 0; n < 20; n++) await settle()
  stop.abort()
  await done
  assert.deepEqual(time.waits.slice(0, 9), [10, 20, 40, 80, 160, 320, 640, 1000, 1000])
})
