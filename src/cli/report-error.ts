import { fromSystem, isTidemarkError, systemCode, TidemarkError } from '../errors.ts'
import type { Context } from './context.ts'
import { exitCodes, exitOf } from './exit-codes.ts'
import type { Exit } from './exit-codes.ts'
import { OutputClosed } from './output.ts'
import { safeText, toJson } from './safe-text.ts'

/**
 * Says on standard error, in one line or as JSON, why the command ended, and returns how. A stack is shown
 * only when TIDEMARK_DEBUG is set.
 */
export async function reportError(context: Context, thrown: unknown): Promise<Exit> {
  if (thrown instanceof OutputClosed) return 'done'
  const error = systemCode(thrown) === undefined ? thrown : fromSystem(thrown, 'the system')
  const exit = isTidemarkError(error, 'cancelled')
    ? (context.interruptedBy() ?? 'interrupted')
    : (context.interruptedBy() ?? exitOf(error))
  const message = error instanceof Error ? error.message : String(error)
  if (context.json) {
    const code = error instanceof TidemarkError ? error.code : exit === 'bug' ? 'bug' : 'cancelled'
    await context.err.line(toJson({ error: { code, message, exitCode: exitCodes[exit] } }))
  } else if (exit === 'bug') {
    await context.err.line(`tidemark: ${safeText(message)}`)
    await context.err.line('This is an error inside Tidemark. Please report it, with what you did.')
    if (!debugging()) await context.err.line('TIDEMARK_DEBUG=1 shows where it came from.')
  } else if (exit === 'interrupted' || exit === 'terminated') {
    await context.err.line('tidemark: stopped')
  } else {
    await context.err.line(`tidemark: ${context.err.style('red', safeText(message))}`)
  }
  if (debugging()) await context.err.line(stackOf(error))
  return exit
}

function debugging(): boolean {
  const value = process.env['TIDEMARK_DEBUG']
  return value !== undefined && value !== '' && value !== '0'
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
