import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nameFromBytes } from '../../../src/bytes/name.ts'
import { isTidemarkError } from '../../../src/errors.ts'
import { parseRecentfile, rebuild, RecentReader, serialise } from '../../../src/recent/index.ts'
import type { ReadLimits, RecentEvent } from '../../../src/recent/index.ts'

const golden = join(import.meta.dirname, '../../golden/recent')
const samples = globSync('*/**/RECENT-*.{yaml,json}', { cwd: golden })

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function byBytes(bytes: Uint8Array): { reader: RecentReader; events: RecentEvent[] } {
  const reader = new RecentReader()
  const events: RecentEvent[] = []
  for (const byte of bytes) events.push(...reader.push(Uint8Array.of(byte)))
  events.push(...reader.end())
  return { reader, events }
}

test('every file of the Perl program is read, at once and byte by byte', () => {
  assert.ok(samples.length > 50)
  for (const name of samples) {
    const bytes = readFileSync(join(golden, name))
    const file = parseRecentfile(bytes)
    assert.ok(file.events.length > 0)
    const slowly = byBytes(bytes)
    assert.deepEqual(slowly.events, file.events)
    assert.deepEqual(slowly.reader.meta, file.meta)
    if (!name.endsWith('.yaml')) continue
    assert.ok(Buffer.from(serialise(file)).equals(bytes), `${name} is written otherwise`)
    const again = Buffer.concat([...rebuild(slowly.reader.preamble!, slowly.events)])
    assert.ok(again.equals(bytes), `${name} is put together otherwise`)
  }
})

test('the meta block is known before the first event', () => {
  const bytes = readFileSync(join(golden, '10-evolution/04-t6.4-third-aggregate/RECENT-2s.yaml'))
  const reader = new RecentReader()
  for (const byte of bytes) if (reader.push(Uint8Array.of(byte)).length > 0) break
  assert.equal(reader.meta?.merged?.intoInterval, '4s')
  assert.deepEqual(reader.meta.aggregator, ['4s', '8s', 'Z'])
  assert.equal(reader.meta.comment, 'sample tree')
})

test('odd names are read as their bytes', () => {
  const { events } = parseRecentfile(readFileSync(join(golden, '22-odd-names/RECENT-1m.yaml')))
  const paths = events.map(({ path }) => path)
  const latin = nameFromBytes(Uint8Array.from([0xe9, ...bytesOf('latin')]))
  for (const path of [
    latin,
    'with\nnewline',
    '\ttab',
    'null',
    'yes',
    '123',
    '1.5e3',
    '~',
    "'quote'",
    '#hash',
  ])
    assert.ok(paths.includes(path), JSON.stringify(path))
})

test('numbers of JSON are kept as they are written', () => {
  const file = parseRecentfile(
    bytesOf(
      '{"recent":[{"epoch":1795293285.098100000000000001,"path":"a","type":"new","x":[1]}],"meta":{"protocol":1}}',
    ),
  )
  assert.equal(file.events[0]!.epoch, '1795293285.098100000000000001')
})

test('YAML of other shapes is read too', () => {
  const event = { epoch: '5.50', path: 'a b', type: 'new' }
  for (const text of [
    'meta: {protocol: 1, interval: 1h}\nrecent: [{epoch: 5.50, path: a b, type: new}]\n',
    '---\nrecent:\n- epoch: 5.50\n  path: "a b"\n  type: new\nmeta:\n  interval: 1h\n  protocol: 1\n',
    '%YAML 1.2\n---\nmeta:\n  interval: 1h\nrecent:\n  - type: new\n    path: >-\n      a\n      b\n    epoch: "5.50"\n',
    '--- \nmeta: \n  interval: !!str 1h\nrecent: \n  - {epoch: 5.50, path: a b, type: new}\n',
    '---\nmeta:\n  interval: 1h # why\nrecent:\r\n  -\r\n    epoch: 5.50\r\n    path: a b\r\n    type: new\r\n',
    '{"meta":{"interval":"1h"},"recent":[{"epoch":"5.50","path":"a b","type":"new"}]}',
    '--- \nmeta: \n  interval: 1h\n  merged: {}\n\nrecent: \n  - \n    epoch: 5.50\n    path: a b # c\n    type: new',
  ]) {
    const file = parseRecentfile(bytesOf(text))
    assert.deepEqual(file.events, [event], text)
    assert.equal(file.meta.interval, '1h', text)
    assert.deepEqual(byBytes(bytesOf(text)).events, [event], text)
  }
})

test('files without events', () => {
  for (const text of [
    '--- \nmeta: \n  interval: 1h\nrecent: []\n',
    '--- \nmeta: \n  interval: 1h\nrecent: \n',
    '{"recent":[ ],"meta":{"interval":"1h"}}',
    'meta: {interval: 1h}\nrecent: ~\n',
  ]) {
    const { reader, events } = byBytes(bytesOf(text))
    assert.deepEqual(events, [])
    assert.equal(reader.meta?.interval, '1h')
  }
  assert.deepEqual(parseRecentfile(bytesOf('--- []\n')).events, [])
  assert.deepEqual(parseRecentfile(bytesOf('[]')).events, [])
})

const head = '--- \nmeta: \n  interval: 1h\nrecent: \n'

test('what is wrong is told, with the entry', () => {
  const wrong: [string, RegExp][] = [
    ['', /it is empty/],
    ['--- \nrecent: \n', /no meta block/],
    [`${head}  - \n    epoch: 1\n    type: new\n`, /entry 1: it has no path/],
    [`${head}  - \n    epoch: x\n    path: a\\b\n    type: new\n`, /entry 1 "a\\\\b": its epoch is no/],
    [`${head}  - \n    epoch: 1\n    path: a\n    type: gone\n`, /entry 1 "a": its type/],
    [`${head}  - \n    epoch: 1\n    path: a\n    path: b\n    type: new\n`, /two keys path/],
    [`${head}  - \n    epoch: 1\n    path: a\n    type: new\nrecent: \n`, /follows the list/],
    [`${head} epoch: 1\n`, /out of place/],
    [`${head}  - \n    epoch: "\n`, /entry 1/],
    ['--- \nmeta: \n  protocol: 7\nrecent: \n', /protocol 7/],
    ['--- \nmeta: \n  dirtymark: soon\nrecent: \n', /dirtymark is no epoch/],
    ['--- \nmeta: \n  aggregator: \n    - \n      - 1h\nrecent: \n', /aggregator/],
    ['a: &a [x,x]\nmeta: {interval: *a}\nrecent: []\n', /alias/i],
    ['{"meta":{},"recent":[{"epoch":"1"}]}', /entry 1: it has no path/],
    ['{"meta":{},"recent":[{"epoch":"1","path":"a","type":"new"}', /ends early/],
    ['{"meta":{},"recent":[]} x', /follows its end/],
    ['{"meta":{},"recent":[1 2]}', /no JSON/],
    ['{"recent":[]}', /no meta block/],
    ['{"meta":{}}', /no list/],
    ['{"meta":[],"recent":[]}', /no map/],
    ['[{"epoch":"1","path":"a","type":"new"},,]', /missing/],
    ['\0\0\0', /index/],
  ]
  for (const [text, message] of wrong) {
    assert.throws(
      () => parseRecentfile(bytesOf(text)),
      (error) => isTidemarkError(error, 'corrupt') && message.test(error.message),
      text,
    )
  }
})

test('nothing grows without bound', () => {
  const event = '  - \n    epoch: 1\n    path: a\n    type: new\n'
  const piece = bytesOf('x'.repeat(1000))
  const endless: [string, Uint8Array, Partial<ReadLimits>][] = [
    ['', piece, {}],
    ['--- \nmeta: \n  comment: ', piece, {}],
    ['[x', piece, {}],
    ['{"meta":"', piece, {}],
    ['x: ', piece, { whole: 300_000 }],
    [`${head}  - \n    path: `, piece, {}],
    [head, bytesOf(event.repeat(100)), { events: 1000 }],
    [
      '{"meta":{},"recent":[',
      bytesOf('{"epoch":"1","path":"a","type":"new"},'.repeat(100)),
      { events: 1000 },
    ],
    ['{"meta":{},"recent":[', bytesOf('[['), {}],
  ]
  for (const [text, more, limits] of endless) {
    const reader = new RecentReader(limits)
    assert.throws(
      () => {
        reader.push(bytesOf(text))
        for (let pushes = 0; pushes < 40_000; pushes++) reader.push(more)
      },
      (error) => isTidemarkError(error, 'limit', 'corrupt'),
      text,
    )
  }
})
