import { corrupt } from '../errors.ts'
import { sha256Hex } from '../hash/sha256.ts'
import type { PackFile } from './pack-file.ts'

/** Rejects `corrupt` unless `content` is that of version number `k`. */
export function checkPacked(pack: PackFile, k: number, content: Uint8Array): void {
  const version = pack.versions[k]!
  if (content.length !== version.contentBytes || sha256Hex(content) !== version.hash) {
    throw corrupt(`${pack.path}: ${version.name}`, 'the content does not match its hash')
  }
}
