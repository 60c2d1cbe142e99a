import { spawnSync } from 'node:child_process'
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
