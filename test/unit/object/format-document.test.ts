import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { examples, readDocument, withExamples } from '../../../scripts/object-examples.ts'

suite('docs/format/object.md', () => {
  test('its examples are what the codecs write (scripts/object-examples.ts renews them)', () => {
    assert.equal(withExamples(readDocument(), examples()), readDocument())
  })
})
