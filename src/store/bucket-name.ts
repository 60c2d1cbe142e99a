import { TidemarkError } from '../errors.ts'

/**
 * Which names a bucket takes. Every implementation calls these first, so that a name that one bucket takes
 * is taken by all. The limits are those of the narrowest places: 255 bytes for a file's name, 1024 for the
 * key of an object in S3.
 */
const namePattern = /^[a-z0-9_-][a-z0-9._-]{0,254}(?:\/[a-z0-9_-][a-z0-9._-]{0,254})*$/
const prefixPattern = /^(?:[a-z0-9_-][a-z0-9._-]{0,254}\/)*(?:[a-z0-9_-][a-z0-9._-]{0,254})?$/
const longest = 1024

/** Directories keep their unfinished files under this first part, so no name may begin with it. */
export const temporaryPart = 'tmp'

export function isBucketName(name: string): boolean {
  return (
    name.length <= longest &&
    namePattern.test(name) &&
    name !== temporaryPart &&
    !name.startsWith(`${temporaryPart}/`)
  )
}

/** Throws `usage` unless `name` can be the name of an entry. */
export function checkBucketName(name: string): void {
  if (!isBucketName(name)) throw new TidemarkError('usage', `not a bucket name: ${quote(name)}`)
}

/** Throws `usage` unless `prefix` is empty or can begin the name of an entry. */
export function checkBucketPrefix(prefix: string): void {
  const able =
    prefix.length <= longest && prefixPattern.test(prefix) && !prefix.startsWith(`${temporaryPart}/`)
  if (!able) throw new TidemarkError('usage', `not the beginning of a bucket name: ${quote(prefix)}`)
}

/** A refused name may be anything: it is shown escaped, and not at length. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
