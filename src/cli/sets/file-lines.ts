import { createReadStream } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { fromSystem } from '../../errors.ts'
import { toHex } from '../../bytes/hex.ts'
import { safeText } from '../safe-text.ts'

const newline = 0x0a

/** The lines of a file without their ends, as bytes; of standard input for `-`. Empty lines count. */
export async function fileLines(path: string, signal: AbortSignal): Promise<Uint8Array[]> {
  const stream = path === '-' ? process.stdin : createReadStream(path, { signal })
  const lines: Uint8Array[] = []
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      let start = 0
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        lines.push(bytes.subarray(start, end))
        start = end + 1
      }
      rest = bytes.subarray(start)
    }
  } catch (error) {
    throw fromSystem(error, `read ${path}`)
  }
  if (rest.length > 0) lines.push(rest)
  return lines
}

/** A line as it is, made safe for a terminal; in hexadecimal when it is not text. */
export function showLine(item: Uint8Array): string {
  return isUtf8(item) ? safeText(Buffer.from(item).toString()) : `hex:${toHex(item)}`
}
