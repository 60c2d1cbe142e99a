import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'

/** "1.4 GiB": units of 1024. */
export function formatSize(bytes: number): string {
  return prettyBytes(bytes, { binary: true })
}

/** "1,234,567". Without the internationalisation library, which costs more than the whole of a small command. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** "1 file", "1,234 files". */
export function formatNumberOf(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** "850ms", "1.2s", "20m 34s". */
export function formatDuration(ms: number): string {
  return prettyMilliseconds(ms < 1000 ? Math.round(ms) : ms, { secondsDecimalDigits: ms < 60_000 ? 1 : 0 })
}

/** "2026-11-21 15:04:05", in the local time zone. `time` in milliseconds since 1970. */
export function formatTime(time: number): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return 'at no time'
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}

/** As {@link formatTime}, from nanoseconds since 1970. */
export function formatTimeNs(time: bigint): string {
  return formatTime(Number(time / 1_000_000n))
}

/** For programs: "2026-11-21T14:04:05.123456789Z", nothing of the nanoseconds lost. */
export function isoTimeNs(time: bigint): string {
  const billion = 1_000_000_000n
  const rest = ((time % billion) + billion) % billion
  const seconds = new Date(Number((time - rest) / 1_000_000n))
  const nanoseconds = String(rest).padStart(9, '0')
  if (Number.isNaN(seconds.getTime())) return `${String((time - rest) / billion)}.${nanoseconds}`
  return `${seconds.toISOString().slice(0, -5)}.${nanoseconds}Z`
}

/** "drwxr-xr-x", as ls shows it. */
export function formatMode(kind: string, mode: number): string {
  const letter = kindLetters[kind] ?? '?'
  const bits = (shift: number, special: boolean, mark: string): string => {
    const part = mode >> shift
    const run = special ? ((part & 1) === 0 ? mark.toUpperCase() : mark) : (part & 1) === 0 ? '-' : 'x'
    return `${(part & 4) === 0 ? '-' : 'r'}${(part & 2) === 0 ? '-' : 'w'}${run}`
  }
  const user = bits(6, (mode & 0o4000) !== 0, 's')
  const group = bits(3, (mode & 0o2000) !== 0, 's')
  return letter + user + group + bits(0, (mode & 0o1000) !== 0, 't')
}

const kindLetters: Readonly<Record<string, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  'character-device': 'c',
  'block-device': 'b',
}
