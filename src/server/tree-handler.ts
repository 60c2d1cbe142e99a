import { closeSync, fstatSync, readSync, realpathSync, type BigIntStats } from 'node:fs'
import { nameFromBytes, type Name } from '../bytes/name.ts'
import { isTidemarkError } from '../errors.ts'
import { openDirectory, type DirectoryHandle } from '../folder/system/directory-handle.ts'
import { openBelow } from '../folder/system/open-below.ts'
import { checkPath } from '../recent/index.ts'
import { parseRange, type ByteRange } from './byte-range.ts'
import { RootChanges } from './root-changes.ts'

/** No request waits longer: proxies and clients give up after a minute. Seconds. */
const longestWait = 50
const pieceSize = 256 * 1024

/** A handler of web standards, for any server that speaks them. */
export interface TreeHandler {
  (request: Request): Promise<Response>
  close(): void
}

interface OpenFile {
  readonly fd: number
  readonly stats: BigIntStats
}

/**
 * Serves the regular files below `root` to whoever asks, as a mirror wants them: GET and HEAD, strong tags,
 * conditions and single ranges (RFC 9110). No listings; no bookkeeping; no symbolic link is followed but one in
 * the root itself that leads to its neighbour (RECENT.recent does).
 *
 * A conditional request for a file in the root with `Prefer: wait=N` (RFC 7240) is answered when the file changes,
 * or after N seconds with 304: so that a mirror knows of a change at once, at the cost of one request a minute.
 */
export function treeHandler(root: string): TreeHandler {
  const directory = openDirectory(realpathSync(root))
  const changes = new RootChanges(root)

  async function answer(request: Request): Promise<Response> {
    const { method, headers, signal } = request
    if (method !== 'GET' && method !== 'HEAD')
      return plain(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' })
    const path = pathOf(new URL(request.url))
    if (path === undefined) return plain(404, 'not found\n')
    const wait = waitOf(headers.get('prefer'))
    const known = headers.get('if-none-match')
    const waits = wait !== undefined && !path.includes('/')
    if (waits && known !== null) {
      const isNew = (): boolean => !matches(known, tagAt(directory, path))
      await changes.until(isNew, wait * 1000, signal)
    }
    const file = openFile(directory, path)
    if (file === undefined) return plain(404, 'not found\n')
    const response = respond(request, file)
    if (waits) response.headers.set('preference-applied', `wait=${wait}`)
    return response
  }

  return Object.assign(answer, {
    close: () => {
      changes.close()
      directory.close()
    },
  })
}

/** The path that a URL names; undefined when it can be none of a tree. */
function pathOf({ pathname }: URL): Name | undefined {
  const bytes: number[] = []
  for (let at = 1; at < pathname.length; at++) {
    const escaped = pathname[at] === '%' ? /^[0-9A-Fa-f]{2}/.exec(pathname.slice(at + 1, at + 3)) : null
    if (escaped === null) bytes.push(pathname.charCodeAt(at) & 0xff)
    else {
      // What is escaped is part of a name, which has no slash.
      if (escaped[0] === '2f' || escaped[0] === '2F') return undefined
      bytes.push(Number.parseInt(escaped[0], 16))
      at += 2
    }
  }
  const path = nameFromBytes(Uint8Array.from(bytes))
  try {
    checkPath(path)
    return path
  } catch {
    return undefined
  }
}

/** Seconds that a request would wait. */
function waitOf(prefer: string | null): number | undefined {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})/i.exec(prefer ?? '')
  return match === null ? undefined : Math.min(Number(match[1]), longestWait)
}

/** Undefined when there is no such file. */
function openFile(root: DirectoryHandle, path: Name): OpenFile | undefined {
  let fd: number
  try {
    fd = openBelow(root, path)
  } catch (error) {
    // Missing, a link on the way, not ours to read: to whoever asks it is all the same.
    if (isTidemarkError(error)) return undefined
    throw error
  }
  const stats = fstatSync(fd, { bigint: true })
  if (stats.isFile()) return { fd, stats }
  closeSync(fd)
  return undefined
}

/** Undefined when there is no such file. */
function tagAt(root: DirectoryHandle, path: Name): string | undefined {
  const file = openFile(root, path)
  if (file === undefined) return undefined
  closeSync(file.fd)
  return tagOf(file.stats)
}

/** Files of a mirrored tree are replaced, not written to: the inode alone would nearly do. */
function tagOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `"${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}"`
}

function matches(header: string, tag: string | undefined): boolean {
  if (tag === undefined) return false
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)
}

function respond({ headers: asked, method }: Request, { fd, stats }: OpenFile): Response {
  const tag = tagOf(stats)
  const modified = new Date(Number(stats.mtimeMs))
  const size = Number(stats.size)
  const headers: Record<string, string> = {
    server: 'tidemark',
    etag: tag,
    'last-modified': modified.toUTCString(),
    'accept-ranges': 'bytes',
    // Whatever a tree holds, it is not for a browser to run.
    'content-type': 'application/octet-stream',
    'x-content-type-options': 'nosniff',
  }
  const end = (status: number): Response => {
    closeSync(fd)
    return new Response(null, { status, headers })
  }
  const ifMatch = asked.get('if-match')
  if (ifMatch !== null && !matches(ifMatch, tag)) return end(412)
  if (isKnown(asked, tag, modified)) return end(304)
  const ifRange = asked.get('if-range')
  const range = ifRange === null || ifRange === tag ? parseRange(asked.get('range'), size) : undefined
  if (range === 'unsatisfiable') {
    headers['content-range'] = `bytes */${size}`
    return end(416)
  }
  const { start, end: stop } = range ?? { start: 0, end: size }
  headers['content-length'] = String(stop - start)
  if (range) headers['content-range'] = `bytes ${start}-${stop - 1}/${size}`
  if (method === 'HEAD') return end(range ? 206 : 200)
  return new Response(bodyOf(fd, { start, end: stop }), { status: range ? 206 : 200, headers })
}

/** The client's copy is as good as the file. */
function isKnown(asked: Headers, tag: string, modified: Date): boolean {
  const tags = asked.get('if-none-match')
  if (tags !== null) return matches(tags, tag)
  const since = asked.get('if-modified-since')
  return since !== null && !isNewer(modified, since)
}

function isNewer(modified: Date, since: string): boolean {
  const time = Date.parse(since)
  return Number.isNaN(time) || Math.floor(modified.getTime() / 1000) > Math.floor(time / 1000)
}

function bodyOf(fd: number, { start, end }: ByteRange): ReadableStream<Uint8Array> {
  let at = start
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = new Uint8Array(Math.min(pieceSize, end - at))
        const length = piece.length === 0 ? 0 : readSync(fd, piece, 0, piece.length, at)
        at += length
        if (length > 0) controller.enqueue(piece.subarray(0, length))
        if (at < end && length > 0) return
        closeSync(fd)
        // Cut short since it was opened: the client sees that the length promised did not come.
        if (at < end) controller.error(new Error('the file became shorter'))
        else controller.close()
      },
      cancel: () => closeSync(fd),
    },
    { highWaterMark: 0 },
  )
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { 'content-type': 'text/plain', ...headers } })
}
