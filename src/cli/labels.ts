import { nameToBytes } from '../bytes/name.ts'
import { TidemarkError } from '../errors.ts'
import { safeText } from './safe-text.ts'

const maxTags = 256
const maxTag = 200
const maxMessage = 65_536

/** Throws `usage` for tags by which the snapshot could not be named afterwards. */
export function checkTags(tags: readonly string[]): void {
  if (tags.length > maxTags) throw new TidemarkError('usage', `more than ${maxTags} tags`)
  for (const tag of tags) {
    const problem = problemOf(tag)
    if (problem !== undefined)
      throw new TidemarkError('usage', `not a tag: "${safeText(tag.slice(0, 50))}" ${problem}`)
  }
}

function problemOf(tag: string): string | undefined {
  if (tag === '') return 'is empty'
  if (tag === 'latest') return 'is the name of the newest snapshot'
  if (tag !== tag.trim()) return 'begins or ends with a blank'
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(tag)) return 'has a control character in it'
  if (/[:~]/.test(tag)) return 'has : or ~ in it, which mean something behind the name of a snapshot'
  return nameToBytes(tag).length > maxTag ? `has more than ${maxTag} bytes` : undefined
}

/** Throws `usage`. */
export function checkMessage(message: string | undefined): void {
  if (message === undefined || nameToBytes(message).length <= maxMessage) return
  throw new TidemarkError('usage', `the message has more than ${maxMessage} bytes`)
}
