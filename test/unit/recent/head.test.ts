import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import { newSigningKey, signingKey, verifyBytes } from '../../../src/hash/ed25519.ts'
import { encodeHead, fromBase64Url, isSignedHead, parseHead, toBase64Url } from '../../../src/recent/index.ts'

const digest = 'ab'.repeat(32)
const digestText = toBase64Url(hex(digest))
const head = {
  sequence: 17,
  written: '1795293114.25016',
  indexes: [
    { name: 'RECENT-1h.yaml', size: 1000, sha256: digest },
    { name: 'RECENT-Z.yaml', size: 5, sha256: digest },
  ],
  tree: { count: 3, root: digest },
  sketch: { name: 'RECENT.sketch', sequence: 16, cells: 1024, sha256: digest },
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

test('RFC 8032: the second test vector', () => {
  const key = signingKey(hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'))
  assert.deepEqual(key.publicKey, hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'))
  const signature = hex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  )
  assert.ok(verifyBytes(key.publicKey, hex('72'), signature))
  assert.ok(!verifyBytes(key.publicKey, hex('73'), signature))
  assert.ok(!verifyBytes(key.publicKey, hex('72'), signature.subarray(1)))
  assert.ok(!verifyBytes(new Uint8Array(32).fill(255), hex('72'), signature))
})

test('a head is read as it was written, and its signature holds', () => {
  const key = newSigningKey()
  const read = parseHead(encodeHead(head, key))
  const { key: publicKey, signature, signedText, ...rest } = read
  assert.deepEqual(rest, head)
  assert.equal(publicKey, toBase64Url(key.publicKey))
  assert.ok(signature !== undefined)
  assert.ok(!signedText.includes('signature'))
  assert.ok(isSignedHead(read))
  const bare = parseHead(encodeHead({ sequence: 1, written: '1', indexes: head.indexes }))
  assert.equal(bare.tree, undefined)
  assert.ok(!isSignedHead(bare))
})

test('a head of eight indexes is short: a mirror reads it at each change', () => {
  const intervals = ['1h', '6h', '1d', '1W', '1M', '1Q', '1Y', 'Z']
  const indexes = intervals.map((interval) => ({
    name: `RECENT-${interval}.yaml`,
    size: 123_456,
    sha256: digest,
  }))
  const bytes = encodeHead({ ...head, sequence: 1_795_324_453_611, indexes }, newSigningKey())
  assert.ok(bytes.length <= 1024, String(bytes.length))
})

test('no byte of a signed head can be changed unnoticed', () => {
  const bytes = encodeHead(head, newSigningKey())
  // The newline at the end is not part of what is signed.
  for (let at = 0; at < bytes.length - 1; at++) {
    const changed = Uint8Array.from(bytes)
    changed[at]! ^= 1
    try {
      const read = parseHead(changed)
      // The last bits of base64url may say nothing.
      const same = JSON.stringify(read.signature && [...fromBase64Url(read.signature)])
      const own = JSON.stringify([...fromBase64Url(parseHead(bytes).signature!)])
      if (same !== own || read.signedText !== parseHead(bytes).signedText)
        assert.ok(!isSignedHead(read), `byte ${at}`)
    } catch (error) {
      assert.ok(isTidemarkError(error, 'corrupt', 'unsupported'), String(error))
    }
  }
})

test('what is no head is refused', () => {
  const text = new TextDecoder().decode(encodeHead(head))
  const wrong: [string, string][] = [
    [text.slice(0, -5), 'corrupt'],
    ['[]', 'corrupt'],
    ['null', 'corrupt'],
    [text.replace('head-1', 'head-2'), 'unsupported'],
    [text.replace('17', '-1'), 'corrupt'],
    [text.replace('17', '1.5'), 'corrupt'],
    [text.replace('RECENT-Z.yaml', '../x'), 'corrupt'],
    [text.replace('RECENT-Z.yaml', '.x'), 'corrupt'],
    [text.replace(digestText, 'xy'), 'corrupt'],
    [text.replace(`,"${digestText}"]`, ']'), 'corrupt'],
    [text.replace(digestText, digest), 'corrupt'],
    [text.replace(/"tree":\[.*?\]/, '"tree":{"count":3}'), 'corrupt'],
    [text.replace(/"tree":\[3,/, '"tree":["3",'), 'corrupt'],
    [text.replace('1795293114.25016', 'soon'), 'corrupt'],
    [text.replace(/"indexes":\[.*?\]\]/, '"indexes":[]'), 'corrupt'],
    [text + ' '.repeat(70_000), 'corrupt'],
  ]
  for (const [bad, code] of wrong)
    assert.throws(
      () => parseHead(new TextEncoder().encode(bad)),
      (error) => isTidemarkError(error) && error.code === code,
      bad.slice(0, 300),
    )
})
