import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { idFromHex, idOf, idToHex } from '../../../src/object/id.ts'

const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

suite('ids', () => {
  test('are SHA-256', () => {
    assert.equal(idToHex(idOf(new TextEncoder().encode('abc'))), abc)
  })

  test('go to hexadecimal and back, in either case of letters', () => {
    assert.equal(idToHex(idFromHex(abc)!), abc)
    assert.equal(idFromHex(abc.toUpperCase()), idFromHex(abc))
    for (const bad of ['', abc.slice(1), `${abc}00`, `${abc.slice(1)}g`, ` ${abc.slice(1)}`])
      assert.equal(idFromHex(bad), undefined)
  })
})
