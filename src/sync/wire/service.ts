import type { CallOptions } from '../../store/bucket.ts'
import type { Store } from '../../store/store.ts'
import type { Peer } from '../peer.ts'

/** What another side may do with a replica: take from it, or also offer it what is new. */
export type Access = 'read' | 'read-write'

/** Who calls, as he says himself; only `fingerprint` has been proven, where the transport proves one. */
export interface Caller {
  /** Program and version. */
  readonly program: string
  /** 32 hexadecimal digits. */
  readonly device: string
  readonly host: string
  /** SHA-256 of the caller's certificate, 64 hexadecimal digits. */
  readonly fingerprint: string | undefined
}

/** Which folder a caller wants to sync with. */
export interface FolderRequest {
  readonly caller: Caller
  /** Where it is, as a path or a name that the answering side knows; undefined when the id says enough. */
  readonly place: string | undefined
  /** Which folder it must be: 32 hexadecimal digits. */
  readonly folder: string | undefined
  /**
   * Make it when there is none, with history of this kind; with `join` a directory that is another folder becomes
   * a copy of this one.
   */
  readonly create: { readonly history: string; readonly join: boolean } | undefined
}

/** A replica that another side may use. */
export interface ServedPeer {
  readonly peer: Peer
  readonly access: Access
  /** The replica's own chunks: what differences that come from the other side are applied to. */
  readonly store?: Store | undefined
}

/** What a caller gets. */
export interface FolderGrant extends ServedPeer {
  /** The folder, and this copy of it: 32 hexadecimal digits each. */
  readonly folder: string
  readonly device: string
  readonly host: string
  /** Called when the connection has ended. */
  readonly close?: () => Promise<void>
}

/**
 * Finds the replica that a caller asks for, or rejects: `missing`, `denied`, `conflict` when the place holds another
 * folder. `caller` is the caller's own replica, to fetch from when it makes an offer; it rejects `unsupported`
 * when the caller serves none.
 */
export type PeerService = (request: FolderRequest, caller: Peer, options: CallOptions) => Promise<FolderGrant>
