import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext } from 'node:test'

/** Makes an empty directory that goes with its test. */
export type Place = (t: TestContext) => string

/** Runs the tests of `define` on the file system of temporary files, and on a tmpfs where there is one. */
export function onEachFileSystem(title: string, define: (place: Place) => void): void {
  for (const parent of [tmpdir(), '/dev/shm']) {
    if (!existsSync(parent)) continue
    suite(`${title}, in ${parent}`, () => {
      define((t) => {
        const directory = mkdtempSync(join(parent, 'tidemark-test-'))
        t.after(() => rmSync(directory, { recursive: true, force: true }))
        return directory
      })
    })
  }
}
