import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { parseLocation } from '../../../src/mirror/transport/location.ts'

const expected: Readonly<Record<string, readonly [string, string, string | undefined]>> = {
  pub: ['directory', '/work/pub', undefined],
  '/srv/pub/RECENT.recent': ['directory', '/srv/pub', 'RECENT.recent'],
  'RECENT-1h.yaml': ['directory', '/work', 'RECENT-1h.yaml'],
  'https://example.org/pub': ['http', 'https://example.org/pub/', undefined],
  'http://user:word@example.org/a%20b/RECENT-6h.json': [
    'http',
    'http://user:word@example.org/a%20b/',
    'RECENT-6h.json',
  ],
  'rsync://example.org/module/path': ['rsync', 'rsync://example.org/module/path/', undefined],
  'rsync://example.org/module/RECENT.recent': ['rsync', 'rsync://example.org/module/', 'RECENT.recent'],
  'example.org::module': ['rsync', 'example.org::module/', undefined],
  'user@example.org:path/to': ['rsync', 'user@example.org:path/to/', undefined],
  'user@example.org:RECENT-1h.yaml': ['rsync', 'user@example.org:', 'RECENT-1h.yaml'],
  './with:colon': ['directory', '/work/with:colon', undefined],
}

test('an origin is a directory, a URL, or what rsync takes, with the name of an index or without', () => {
  for (const [text, [kind, base, principal]] of Object.entries(expected)) {
    assert.deepEqual(parseLocation(text, '/work'), { kind, base, principal }, text)
  }
})

test('what is no origin is refused, and nothing becomes an option of rsync', () => {
  for (const text of [
    '',
    '-e evil',
    '--rsh=evil::x',
    'ftp://example.org/',
    'https://',
    'https://x/#y',
    'a\0b',
  ]) {
    assert.throws(
      () => parseLocation(text, '/work'),
      (error) => isTidemarkError(error, 'usage'),
      text,
    )
  }
})
