import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { formatPlace, parsePlace } from '../../../src/sync/place.ts'

const ssh = { kind: 'ssh', user: undefined, host: 'host', port: undefined }

const good = [
  ['notes', { kind: 'directory', path: '/home/me/notes' }],
  ['./a:b', { kind: 'directory', path: '/home/me/a:b' }],
  ['/srv/a:b', { kind: 'directory', path: '/srv/a:b' }],
  ['ssh://host/srv/notes', { ...ssh, path: '/srv/notes' }],
  ['ssh://host/~/notes', { ...ssh, path: 'notes' }],
  ['ssh://host/~', { ...ssh, path: '.' }],
  ['ssh://ann@host:2222/~/a b', { ...ssh, user: 'ann', port: 2222, path: 'a b' }],
  ['ssh://ann@host/a%20b%zz', { ...ssh, user: 'ann', path: '/a b%zz' }],
  ['ssh://[::1]:22/x', { ...ssh, host: '::1', port: 22, path: '/x' }],
  ['tidemark://host:7070/notes', { kind: 'tidemark', host: 'host', port: 7070, name: 'notes' }],
  ['tidemark://[fe80::1]:7070/a%2Fb', { kind: 'tidemark', host: 'fe80::1', port: 7070, name: 'a/b' }],
] as const

test('places are read as they are meant, and written so that they are read again', () => {
  for (const [text, place] of good) {
    const read = parsePlace(text, '/home/me')
    assert.deepEqual(read, place, text)
    assert.deepEqual(parsePlace(formatPlace(read), '/'), read, formatPlace(read))
  }
})

test('what is no place is refused, and says what to write', () => {
  for (const [text, hint] of [
    ['', /empty/],
    ['host:notes', /ssh:\/\/host\/~\/notes, or \.\/host:notes/],
    ['ann@host:/srv', /ssh:\/\/ann@host\/srv/],
    ['http://host/x', /ssh:/],
    ['ssh://host', /no directory/],
    ['ssh://host/', /no directory/],
    ['ssh:///path', /form/],
    ['ssh://-oProxyCommand=x/path', /no name/],
    ['ssh://-l@host/path', /no name/],
    ['ssh://host:0/x', /no port/],
    ['ssh://host:99999/x', /no port/],
    ['ssh://host/a%00b', /NUL/],
    ['ssh://host/%ff', /UTF-8/],
    ['tidemark://host/notes', /host:port\/name/],
    ['tidemark://host:1/', /host:port\/name/],
    ['tidemark://host:1/a/b', /host:port\/name/],
    ['a\0b', /NUL/],
  ] as const) {
    assert.throws(
      () => parsePlace(text, '/home/me'),
      (error) => isTidemarkError(error, 'usage') && hint.test(error.message),
      text,
    )
  }
})
