import { anyName } from '../../sync/served-folders.ts'
import { readKnownPeers, writeKnownPeers } from '../../sync/wire/known-peers.ts'
import type { KnownPeer } from '../../sync/wire/known-peers.ts'
import type { Access } from '../../sync/wire/service.ts'

/** What is noted of a machine that has been paired. */
export interface NewMachine {
  readonly fingerprint: string
  /** What to call it; undefined: as it calls itself. */
  readonly name: string | undefined
  readonly host: string
  readonly address: string | undefined
  /** The names of the folders that it may ask for; none: any. */
  readonly allowed: readonly string[]
  readonly access: Access
}

/** Notes a machine in the list of this user, or what is new of one that is there. */
export async function noteMachine(directory: string, machine: NewMachine): Promise<KnownPeer> {
  const { fingerprint, address, allowed, access } = machine
  const all = readKnownPeers(directory)
  const before = all.find((known) => known.fingerprint === fingerprint)
  const others = all.filter((known) => known !== before)
  const names = allowed.length === 0 ? [anyName] : allowed
  const addresses = [address, ...(before?.addresses ?? [])].filter((one) => one !== undefined)
  const noted: KnownPeer = {
    name: freeName(machine.name ?? before?.name ?? wordOf(machine.host), others),
    fingerprint,
    addresses: [...new Set(addresses)],
    folders: names.map((name) => ({ name, access })),
  }
  await writeKnownPeers(directory, [...others, noted])
  return noted
}

function freeName(name: string, others: readonly KnownPeer[]): string {
  const taken = new Set(others.map((other) => other.name))
  let free = name
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`
  return free
}

/** What a machine calls itself, as a name that a peer may have. */
function wordOf(host: string): string {
  const word = host.replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-').replace(/^[^\p{L}\p{N}_]+/u, '')
  return word.slice(0, 56) || 'machine'
}

/** The machine that answers at `host:port`: met there before, or at another port of that host. */
export function machineAt(directory: string, host: string, port: number): KnownPeer | undefined {
  const all = readKnownPeers(directory)
  const shown = host.includes(':') ? `[${host}]` : host
  const exact = all.find(({ addresses }) => addresses.includes(`${shown}:${port}`))
  return exact ?? all.find(({ addresses }) => addresses.some((address) => address.startsWith(`${shown}:`)))
}
