import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A fresh directory that is removed, with all that is in it, when the test `t` has ended. */
export function temporaryDirectory(t: TestContext): string {
  return fresh(t, tmpdir())
}

/**
 * The same, in memory where the system has a place for that: for tests that write much and survive no power
 * cut, as waiting for a disk is most of what they would do.
 */
export function memoryDirectory(t: TestContext): string {
  return fresh(t, hasRoom('/dev/shm') ? '/dev/shm' : tmpdir())
}

function fresh(t: TestContext, parent: string): string {
  const path = mkdtempSync(join(parent, 'tidemark-test-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function hasRoom(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    // A container may have very little.
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize > 2 ** 31
  } catch {
    return false
  }
}
