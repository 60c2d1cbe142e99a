import type { TestContext } from 'node:test'

/**
 * For tests that need something of the machine: a program, a right, a kernel feature. Returns true when
 * `condition` holds. Otherwise the test is skipped with `why`, or fails when TIDEMARK_REQUIRE_ALL=1, so that
 * a machine which ought to run everything cannot quietly run less. The caller returns on false:
 *
 *     if (!requireTool(t, getuid?.() === 0, 'mounting needs root')) return
 */
export function requireTool(t: TestContext, condition: boolean, why: string): boolean {
  if (condition) return true
  if (process.env['TIDEMARK_REQUIRE_ALL'] === '1') throw new Error(`required here: ${why}`)
  t.skip(why)
  return false
}
