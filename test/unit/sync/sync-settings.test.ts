import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { initFolder } from '../../../src/folder/folder.ts'
import {
  checkPeerName,
  decodeSyncSettings,
  encodeSyncSettings,
  readSyncSettings,
  writeSyncSettings,
} from '../../../src/sync/sync-settings.ts'
import type { SyncSettings } from '../../../src/sync/sync-settings.ts'
import { memoryDirectory } from '../../suites/temporary-directory.ts'

const settings: SyncSettings = {
  peers: [
    { name: 'laptop', place: 'ssh://laptop/~/notes', mode: 'two-way', readOnly: false },
    { name: 'disk', place: '/media/disk/notes', mode: 'send', readOnly: true },
  ],
  selected: ['photos/2026', 'raw \udcff name'],
}

test('settings are kept as they are, names of any bytes among them', async (t) => {
  assert.deepEqual(decodeSyncSettings(encodeSyncSettings(settings)), settings)
  const root = memoryDirectory(t)
  const folder = await initFolder(root)
  folder.close()
  assert.deepEqual(await readSyncSettings(root), { peers: [], selected: undefined })
  await writeSyncSettings(root, settings)
  assert.deepEqual(await readSyncSettings(root), settings)
  writeFileSync(join(root, '.tidemark/sync.json'), '{')
  await assert.rejects(
    readSyncSettings(root),
    (error) => isTidemarkError(error, 'corrupt') && error.message.includes('move it away'),
  )
})

test('settings that say what cannot be are refused', () => {
  const [peer] = settings.peers
  const whole = { format: 'tidemark sync', version: 1, peers: [peer] }
  decodeSyncSettings(new TextEncoder().encode(JSON.stringify(whole)))
  const wrong: unknown[] = [
    null,
    7,
    [],
    { ...whole, format: 'x' },
    { ...whole, peers: {} },
    { ...whole, peers: [null] },
    { ...whole, peers: [peer, peer] },
    { ...whole, peers: [{ ...peer, name: 'a/b' }] },
    { ...whole, peers: [{ ...peer, name: 'a\u001b[2J' }] },
    { ...whole, peers: [{ ...peer, place: 'ssh://-oProxyCommand=x/p' }] },
    { ...whole, peers: [{ ...peer, mode: 'both' }] },
    { ...whole, peers: [{ ...peer, readOnly: 'no' }] },
    { ...whole, selected: ['../up'] },
    { ...whole, selected: ['/root'] },
    { ...whole, selected: [''] },
    { ...whole, selected: 'photos' },
  ]
  for (const value of wrong) {
    assert.throws(
      () => decodeSyncSettings(new TextEncoder().encode(JSON.stringify(value))),
      (error) => isTidemarkError(error, 'corrupt'),
      JSON.stringify(value),
    )
  }
  assert.throws(() => decodeSyncSettings(Uint8Array.of(0xff)), /JSON/)
  assert.throws(
    () => decodeSyncSettings(new TextEncoder().encode('{"format":"tidemark sync","version":2}')),
    (error) => isTidemarkError(error, 'unsupported'),
  )
})

test('names of peers', () => {
  for (const name of ['laptop', 'ann-s.pc_2', 'Rechner_Ä', '7']) checkPeerName(name)
  for (const name of ['', '-x', '.x', 'a b', 'a/b', 'a\n', 'a:b', 'x'.repeat(65)])
    assert.throws(
      () => checkPeerName(name),
      (error) => isTidemarkError(error, 'usage'),
      name,
    )
})
