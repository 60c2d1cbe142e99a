import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Which machine this is, and which of its lives between two boots. */
export interface HostIdentity {
  /** Never two machines at once: see {@link hostIdentity}. */
  readonly machine: string
  /** Empty where the system does not say. */
  readonly boot: string
}

/** A process, told from all others that ever were: process ids are used again. */
export interface ProcessIdentity extends HostIdentity {
  readonly pid: number
  /** As {@link processIdentity} says; empty where the system does not. */
  readonly process: string
}

/**
 * The machine is named by /etc/machine-id together with the host name: copies of one disk image share the
 * id, and containers may too. When a host is renamed it counts as another machine, about whose processes
 * nothing is known; that is the safe side to err on.
 */
export function hostIdentity(): HostIdentity {
  const id = readLine('/etc/machine-id') ?? ''
  return { machine: `${id}@${hostname()}`, boot: readLine('/proc/sys/kernel/random/boot_id') ?? '' }
}

/**
 * When process `pid` began and in which process namespace its id counts, as one word. Undefined when there
 * is no such process (or one that has ended and only waits to be reaped), or no /proc to look it up in.
 */
export function processIdentity(pid: number = process.pid): string | undefined {
  const stat = readLine(`/proc/${pid}/stat`)
  const namespace = processNamespace()
  if (stat === undefined || namespace === undefined) return undefined
  // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, threads, start] = [fields[0], fields[17], fields[19]]
  if (start === undefined || ((state === 'Z' || state === 'X') && Number(threads) <= 1)) return undefined
  return `${namespace}-${start}`
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { ...hostIdentity(), pid: process.pid, process: processIdentity() ?? '' }
}

/**
 * Whether the process named by `identity` runs still. Unknown when it belongs to another machine or to a
 * process namespace other than ours, or when the identity, which may come from anywhere, says too little.
 * Dead is said only of what cannot be alive.
 */
export function isProcessAlive(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  const here = hostIdentity()
  if (identity.machine !== here.machine || identity.boot === '' || here.boot === '') return 'unknown'
  if (identity.boot !== here.boot) return 'dead'
  if (!Number.isSafeInteger(identity.pid) || identity.pid <= 0) return 'unknown'
  const namespace = processNamespace()
  if (namespace === undefined || !identity.process.startsWith(`${namespace}-`)) return 'unknown'
  const found = processIdentity(identity.pid)
  if (found !== undefined) return found === identity.process ? 'alive' : 'dead'
  return isHidden(identity.pid) ? 'unknown' : 'dead'
}

/** True for a process of another user where /proc does not show them (its mount option `hidepid`). */
function isHidden(pid: number): boolean {
  if (readLine(`/proc/${pid}/stat`) !== undefined) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function processNamespace(): string | undefined {
  try {
    return /^pid:\[(\d+)\]$/.exec(readlinkSync('/proc/self/ns/pid'))?.[1]
  } catch {
    return undefined
  }
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
