import { readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { publishOnce } from '../../src/mirror/origin/publish.ts'

/** Publishes a tree as if it were another time (milliseconds since 1970): the clock is that, and so are the times of index files. */
export async function publishAt(root: string, now: number): Promise<void> {
  const before = new Map(indexFiles(root).map((path) => [path, statSync(path).mtimeMs]))
  let microseconds = now * 1000
  const producer = { now: () => (microseconds++ / 1e6).toFixed(6), names: { $0: 'test' } }
  await publishOnce(root, { producer })
  for (const path of indexFiles(root)) {
    if (statSync(path).mtimeMs !== before.get(path)) utimesSync(path, now / 1000, now / 1000)
  }
}

function indexFiles(root: string): string[] {
  return readdirSync(root)
    .filter((name) => /^RECENT-.*\.yaml$/.test(name))
    .map((name) => join(root, name))
}
