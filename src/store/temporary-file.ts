import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { kill, pid as ownPid } from 'node:process'
import { systemCode } from '../errors.ts'

/**
 * Names of unfinished files: `<host>-<pid>-<start>-<random>`, so that whoever comes later can tell whether
 * their writer still lives. `host` is a hash of the host's name, `start` the moment at which the process
 * began: process ids are used again, in a container at every start.
 */
const temporaryPattern = /^([0-9a-f]{8})-([1-9][0-9]{0,9})-([0-9]{1,20})-[0-9a-f]{16}$/

let host: string | undefined
let ownPrefix: string | undefined

/** Not at once: most commands write nothing. */
function ownHost(): string {
  return (host ??= createHash('sha256').update(hostname()).digest('hex').slice(0, 8))
}

export function temporaryName(): string {
  ownPrefix ??= `${ownHost()}-${ownPid}-${startOf(ownPid) ?? '0'}-`
  return ownPrefix + randomBytes(8).toString('hex')
}

/** True for whatever {@link temporaryName} could have made, in any process of any host. */
export function isOfTemporaryForm(name: string): boolean {
  return temporaryPattern.test(name)
}

/**
 * True for a name made by {@link temporaryName} in a process of this host that has ended. False when in
 * doubt: for processes of other hosts, and for names of other kinds.
 */
export function isAbandoned(name: string): boolean {
  const match = temporaryPattern.exec(name)
  if (match === null || match[1] !== ownHost()) return false
  const pid = Number(match[2])
  const started = startOf(pid)
  if (started !== undefined) return started !== match[3] && match[3] !== '0'
  return !isAlive(pid)
}

function isAlive(pid: number): boolean {
  try {
    kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) !== 'ESRCH'
  }
}

/** Clock ticks from boot to the start of process `pid`; undefined where the system does not tell. */
function startOf(pid: number): string | undefined {
  try {
    // The second field, the program's name, is in parentheses and may hold anything: count from its end.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
