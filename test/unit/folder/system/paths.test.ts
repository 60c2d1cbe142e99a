import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { nameFromBytes } from '../../../../src/bytes/name.ts'
import {
  childPath,
  displayPath,
  readNames,
  readTarget,
  systemPath,
} from '../../../../src/folder/system/paths.ts'
import { onEachFileSystem } from './places.ts'

const invalid = nameFromBytes(Uint8Array.of(0x61, 0xff, 0x80, 0x62))

onEachFileSystem('names on disk', (place) => {
  test('plain, non-ASCII and invalid names come back as they are, side by side', (t) => {
    const directory = place(t)
    const names = ['plain', 'für', 'e\u0301', '\ufeffbom', '日本', '😀', 'new\nline', '\ufffd', invalid]
    for (const name of names) writeFileSync(childPath(directory, name), name)
    assert.deepEqual(readNames(directory).toSorted(), names.toSorted())
    for (const name of readNames(directory)) {
      assert.equal(readFileSync(childPath(directory, name), 'utf8'), Buffer.from(name).toString())
    }
  })

  test('U+FFFD that is really in a name is kept', (t) => {
    const directory = place(t)
    writeFileSync(childPath(directory, 'a\ufffdb'), '')
    assert.deepEqual(readNames(directory), ['a\ufffdb'])
  })

  test('a directory with an invalid name can be read, as a string or as bytes', (t) => {
    const directory = `${place(t)}/${invalid}`
    mkdirSync(systemPath(directory))
    writeFileSync(childPath(directory, invalid), 'deep')
    assert.deepEqual(readNames(directory), [invalid])
    assert.deepEqual(readNames(systemPath(directory)), [invalid])
    assert.equal(readFileSync(childPath(systemPath(directory), invalid), 'utf8'), 'deep')
  })

  test('a symbolic link holds any bytes', (t) => {
    const link = childPath(place(t), invalid)
    symlinkSync(systemPath(`../${invalid}/x`), link)
    assert.equal(readTarget(link), `../${invalid}/x`)
  })

  test('a missing directory is told as missing, with its path', (t) => {
    const path = `${place(t)}/none${invalid}`
    assert.throws(() => readNames(path), { code: 'missing', message: /none\w*\\xff\\x80/ })
    assert.throws(() => readTarget(path), { code: 'missing' })
  })
})

suite('paths', () => {
  test('are strings as long as they can be', () => {
    assert.equal(systemPath('/a/ü'), '/a/ü')
    assert.equal(childPath('/a', 'ü'), '/a/ü')
    assert.deepEqual(systemPath(`/${invalid}`), Buffer.from([0x2f, 0x61, 0xff, 0x80, 0x62]))
    assert.deepEqual(childPath(Buffer.from([0x2f, 0xff]), 'x'), Buffer.from([0x2f, 0xff, 0x2f, 0x78]))
  })

  test('are shown with escapes', () => {
    assert.equal(displayPath(Buffer.from([0x2f, 0xff, 0x0a])), '/\\xff\\n')
    assert.equal(displayPath('/a\u001b'), '/a\\x1b')
  })
})
