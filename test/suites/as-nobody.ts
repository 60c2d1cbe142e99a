import type { TestContext } from 'node:test'
import { requireTool } from '../require.ts'

/** A user who owns nothing but what he makes. */
export const nobody = 65_534

/** True when the tests are run by root, who may act as others. */
export function canChangeUser(t: TestContext): boolean {
  return requireTool(t, process.getuid?.() === 0, 'acting as another user needs root')
}

/** Runs `act` with the rights of a user for whom modes count. Only for one thing at a time in a process. */
export async function asNobody<T>(act: () => T | Promise<T>): Promise<T> {
  process.setegid!(nobody)
  process.seteuid!(nobody)
  try {
    return await act()
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
  }
}
