import { readFileSync } from 'node:fs'
import { nameFromBytes } from '../bytes/name.ts'
import type { Name } from '../bytes/name.ts'

/**
 * The arguments of this process, of which Node gives `argv`, with every byte that the shell passed: Node puts U+FFFD
 * for what is not UTF-8, which is the name of no file. Where the system does not tell, they stay as they are.
 */
export function exactArguments(argv: readonly string[]): readonly Name[] {
  const passed = readCommandLine()
  return passed.length < argv.length ? argv : passed.slice(passed.length - argv.length)
}

/** Each argument ends with a NUL. */
function readCommandLine(): Name[] {
  let bytes
  try {
    bytes = readFileSync('/proc/self/cmdline')
  } catch {
    return []
  }
  const found: Name[] = []
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start)
    if (end === -1) break
    found.push(nameFromBytes(bytes.subarray(start, end)))
    start = end + 1
  }
  return found
}
