import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isTidemarkError } from '../../../src/errors.ts'
import {
  decodeConfig,
  encodeConfig,
  maxConfigSize,
  type RepositoryConfig,
} from '../../../src/object/config.ts'

const config: RepositoryConfig = {
  format: 'tidemark repository',
  version: 1,
  id: '0123456789abcdef0123456789abcdef',
  hash: 'sha256',
  chunker: 'two-level-1',
}

function refuses(value: unknown, code: 'corrupt' | 'unsupported'): void {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  assert.throws(
    () => decodeConfig(Buffer.from(text)),
    (error) => isTidemarkError(error, code),
    text.slice(0, 80),
  )
}

suite('config', () => {
  test('is readable by a person and decodes again', () => {
    assert.match(
      Buffer.from(encodeConfig(config)).toString(),
      /^\{\n {2}"format": "tidemark repository",\n[^]*\n\}\n$/,
    )
    assert.deepEqual(decodeConfig(encodeConfig(config)), config)
  })

  test('of a newer program is unsupported, not corrupt', () => {
    refuses({ ...config, version: 2 }, 'unsupported')
    refuses({ ...config, hash: 'blake3' }, 'unsupported')
    refuses({ ...config, chunker: 'other' }, 'unsupported')
  })

  test('what is none is corrupt', () => {
    for (const value of ['', 'null', '[]', '{}', '"text"', '{', { ...config, format: 'other' }])
      refuses(value, 'corrupt')
    for (const id of [undefined, 5, '', config.id.toUpperCase(), `${config.id}0`])
      refuses({ ...config, id }, 'corrupt')
    refuses(
      `${JSON.stringify(config)}${' '.repeat(maxConfigSize)}x`.replace(
        '{',
        `{"a":"${'b'.repeat(maxConfigSize)}",`,
      ),
      'corrupt',
    )
    assert.throws(
      () => decodeConfig(Uint8Array.of(0xff, 0xfe)),
      (error) => isTidemarkError(error, 'corrupt'),
    )
  })
})
