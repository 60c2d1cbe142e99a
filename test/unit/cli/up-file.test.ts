import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { readUpFile } from '../../../src/cli/up/up-file.ts'

test('a whole file', async () => {
  const text = `
listen: 0.0.0.0:7070
bandwidth: 2M
folders:
  - path: ~/notes
    peers:
      - ssh://ann@laptop/~/notes
      - place: ../disk/notes
        name: disk
        mode: send
        read-only: true
  - path: /srv/photos
    name: pictures
    schedule: 0 3 * * *
    mode: receive
    history: none
    include: [2026, 2025/summer/]
    allow-deletes: 80%
    peers: [tidemark://server:7070/photos]
  - path: here
`
  const { folders, listen, bandwidth } = await readUpFile(text, '/etc/tidemark/up.yaml')
  assert.deepEqual(listen, { host: '0.0.0.0', port: 7070 })
  assert.equal(bandwidth, 2 * 1024 * 1024)
  const [notes, photos, here] = folders.map(({ schedule, ...rest }) => ({
    ...rest,
    scheduled: schedule !== undefined,
  }))
  assert.deepEqual(notes, {
    name: 'notes',
    path: `${homedir()}/notes`,
    peers: [
      { name: 'laptop', place: 'ssh://ann@laptop/~/notes', mode: 'two-way', readOnly: false },
      { name: 'disk', place: '/etc/disk/notes', mode: 'send', readOnly: true },
    ],
    history: 'kept',
    include: undefined,
    maxVanishing: undefined,
    scheduled: false,
  })
  assert.deepEqual(photos, {
    name: 'pictures',
    path: '/srv/photos',
    peers: [{ name: 'server', place: 'tidemark://server:7070/photos', mode: 'receive', readOnly: false }],
    history: 'none',
    include: ['2026', '2025/summer'],
    maxVanishing: 0.8,
    scheduled: true,
  })
  assert.equal(here!.path, '/etc/tidemark/here')
})

test('what is wrong is said with its line', async () => {
  for (const [text, line, hint] of [
    ['', 1, /no folders/],
    ['folders: []', 1, /no folders/],
    ['folders: 7', 1, /folders is to be a list/],
    ['7', 1, /expected names/],
    ['folder:\n  - path: x', 1, /folder is none of folders, listen/],
    ['folders:\n  - x', 2, /expected names/],
    ['folders:\n  - name: x', 2, /needs a path/],
    ['folders:\n  - path: x\n    peer: y', 3, /peer is none of/],
    ['folders:\n  - path: x\n    mode: both', 3, /mode is one of two-way/],
    ['folders:\n  - path: x\n    schedule: sometimes', 3, /not a span of time/],
    ['folders:\n  - path: x\n    schedule: 61 * * * *', 3, /61/],
    ['folders:\n  - path: x\n    include: [../y]', 3, /from the top/],
    ['folders:\n  - path: x\n    allow-deletes: 2', 3, /share/],
    ['folders:\n  - path: x\n    peers:\n      - host:y', 4, /ssh:\/\/host/],
    ['folders:\n  - path: x\n    peers:\n      - place: y\n        read-only: perhaps', 5, /true or false/],
    ['folders:\n  - path: x\n    peers: [y, ../z/y]', 3, /two peers have one name/],
    ['folders:\n  - path: x\n  - path: ./x\n    name: other', 3, /two folders have the path/],
    ['folders:\n  - path: a/x\n  - path: b/x', 3, /two folders have the name/],
    ['listen: here\nfolders:\n  - path: x', 1, /neither a port/],
    ['bandwidth: 0\nfolders:\n  - path: x', 1, /ever arrive/],
    ['folders:\n  - path: x\n   name: y', 3, /./],
    ['a: &a [x]\nfolders: *b', 1, /./],
  ] as const) {
    await assert.rejects(
      readUpFile(text, 'up.yaml'),
      (error) =>
        isTidemarkError(error, 'usage') &&
        error.message.startsWith(`up.yaml:${line}: `) &&
        hint.test(error.message),
      text,
    )
  }
})

test('a short text does not become a large value', async () => {
  const levels = Array.from({ length: 12 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(12)}]`)
  const text = ['a0: &a0 [x]', ...levels, 'folders: []'].join('\n')
  await assert.rejects(readUpFile(text, 'up.yaml'), (error) => isTidemarkError(error, 'usage'))
})
