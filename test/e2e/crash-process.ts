import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openFolder } from '../../src/folder/folder.ts'
import { forgetSnapshots } from '../../src/history/forget.ts'
import { prune } from '../../src/history/prune.ts'
import { takeSnapshot } from '../../src/history/snapshot.ts'
import { watchFolder } from '../../src/history/watch.ts'
import type { WatchEvent } from '../../src/history/watch-event.ts'
import { idToHex } from '../../src/object/id.ts'
import { openRepository } from '../../src/store/open-repository.ts'

/*
 * Works on a folder until it is killed: ROLE FOLDER REPOSITORY. On its standard output it says, a line each,
 * `begin` and `end` of each piece of work, `taken ID` for a snapshot and `forgetting ID` before one is deleted.
 */
type Role = 'snapshot' | 'watch' | 'care'

const [role, root, place] = process.argv.slice(2) as [Role, string, string]

function say(...words: string[]): void {
  writeSync(1, `${words.join(' ')}\n`)
}

async function snapshots(): Promise<never> {
  const folder = await openFolder(root)
  for (;;) {
    say('begin')
    const { id } = await takeSnapshot(folder)
    if (id !== undefined) say('taken', idToHex(id))
    say('end')
    // So that a pruner finds a moment without a writer.
    await setTimeout(Math.random() * 10)
  }
}

function onEvent({ kind }: WatchEvent): void {
  if (kind === 'scan') say('begin')
}

async function watch(): Promise<void> {
  const folder = await openFolder(root)
  for await (const { id } of watchFolder(folder, { debounceMs: 4, maxDelayMs: 20, onEvent })) {
    if (id !== undefined) say('taken', idToHex(id))
    say('end')
  }
}

/** Forgets all but a few, and prunes. */
async function care(): Promise<never> {
  for (;;) {
    const repository = await openRepository(place)
    say('begin')
    const ids = await repository.snapshots.list()
    const forgotten = ids.filter(() => Math.random() < 0.5).slice(2)
    for (const id of forgotten) say('forgetting', idToHex(id))
    await forgetSnapshots(repository, forgotten)
    await prune(repository, { deadShare: 0, waitMs: 200 })
    say('end')
    repository.close()
  }
}

await { snapshot: snapshots, watch, care }[role]()
