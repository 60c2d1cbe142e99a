import { createHash } from 'node:crypto'

/** A text of which every byte but those of its first line is vouched for by its first line. */
export function selfChecking(writer: string, number: number, lines: number): string {
  let body = `${writer} ${number}\n`
  for (let i = 0; i < lines; i++)
    body += `line ${i} was last changed in ${number - ((number + i * 7) % 50)}\n`
  return `${createHash('sha256').update(body).digest('hex')}\n${body}`
}

/** What is wrong with `content`: it is empty or torn. Undefined for a whole one. */
export function faultOf(content: Buffer): 'empty' | 'torn' | undefined {
  if (content.length === 0) return 'empty'
  const body = content.subarray(65)
  return createHash('sha256').update(body).digest('hex') === content.toString('latin1', 0, 64)
    ? undefined
    : 'torn'
}
