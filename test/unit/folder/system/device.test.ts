import assert from 'node:assert/strict'
import { lstatSync } from 'node:fs'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { joinDevice, splitDevice } from '../../../../src/folder/system/device.ts'

suite('device numbers', () => {
  test('as glibc lays them out', () => {
    assert.equal(joinDevice({ major: 1, minor: 3 }), 0x103n)
    assert.equal(joinDevice({ major: 259, minor: 0x12345 }), 0x12310345n)
    assert.equal(joinDevice({ major: 0xffffffff, minor: 0xffffffff }), 0xffffffff_ffffffffn)
    assert.equal(joinDevice({ major: 0xfffff000, minor: 0 }), 0xfffff000_00000000n)
    assert.equal(joinDevice({ major: 0, minor: 0xffffff00 }), 0x00000fff_fff00000n)
  })

  test('of this machine', () => {
    assert.deepEqual(splitDevice(lstatSync('/dev/null', { bigint: true }).rdev), { major: 1, minor: 3 })
  })

  test('are split as they were joined', () => {
    const half = fc.nat(0xffffffff)
    fc.assert(
      fc.property(half, half, (major, minor) => {
        const device = joinDevice({ major, minor })
        assert.deepEqual(splitDevice(device), { major, minor })
        assert.ok(device >= 0n && device < 2n ** 64n)
      }),
    )
  })
})
