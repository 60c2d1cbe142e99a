import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { requireTool } from '../require.ts'

/** A file system in memory, until it is disposed of. */
export interface Mounted extends Disposable {
  readonly path: string
}

/** Mounts one at `path`; undefined where that cannot be done. */
export function mountMemory(
  t: TestContext,
  path: string,
  { kind = 'tmpfs', options = 'size=16m' }: { kind?: string; options?: string } = {},
): Mounted | undefined {
  const { status } = spawnSync('mount', ['-t', kind, '-o', options, 'tidemark-test', path])
  if (!requireTool(t, status === 0, 'mounting needs root')) return undefined
  return { path, [Symbol.dispose]: () => void spawnSync('umount', ['-l', path]) }
}

/** Mounts one in a directory of its own until the test ends, and returns its path; undefined where that cannot be done. */
export function mountSmall(t: TestContext, options: string): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-test-'))
  const mounted = mountMemory(t, path, { options })
  t.after(() => {
    mounted?.[Symbol.dispose]()
    rmdirSync(path)
  })
  return mounted?.path
}
