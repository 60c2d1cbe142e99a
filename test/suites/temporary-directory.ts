import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A fresh directory that is removed, with all that is in it, when the test `t` has ended. */
export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-test-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
