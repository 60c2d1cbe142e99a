import { isTidemarkError, systemCode } from '../errors.ts'

/** How often a reader looks again, when what it had seen has been packed or removed meanwhile. */
const attempts = 20

/** Runs `read` again while a writer takes files away from under it. */
export async function rereading<T>(read: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!isMoved(error) || attempt === attempts) throw error
    }
  }
}

/** True for what reading throws when a file has been taken away or replaced since it was listed. */
export function isMoved(error: unknown): boolean {
  return systemCode(error) === 'ENOENT' || isTidemarkError(error, 'conflict')
}
