import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'
import { requireTool } from '../require.ts'

/** False, and the test skipped, when one of the programs is not installed. */
export function requireTools(t: TestContext, ...tools: string[]): boolean {
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).status !== 0)
  return requireTool(t, missing.length === 0, `${missing.join(', ')} installed`)
}
