import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Name } from '../../../../src/bytes/name.ts'
import { walkTree } from '../../../../src/tree/walk.ts'
import { directory, file, outcome, type Outcome } from '../../../suites/model-nodes.ts'

async function links({ store, root }: Outcome): Promise<Record<Name, Name>> {
  const found: Record<Name, Name> = {}
  for await (const { path, entry } of walkTree(store, root))
    if (entry.link !== undefined) found[path] = entry.link
  return found
}

/** The numbers are those of docs/format/merge.md. */
suite('further names of files', () => {
  const shared = file('x')

  test('33: a new name of a file that has not changed', async () => {
    const result = await outcome({ a: shared }, { a: shared, b: shared }, { a: shared, c: 'y' })
    assert.deepEqual(await links(result), { b: 'a' })
  })

  test('34: a new name of a file whose data was replaced becomes a file of its own', async () => {
    const edited = file('y', { mtime: 200 })
    const result = await outcome(
      { a: shared },
      { a: shared, d: directory({ b: shared, c: shared }) },
      { a: edited },
    )
    assert.deepEqual(result.tree, { a: 'y', 'd/b': 'x', 'd/c': 'x' })
    assert.deepEqual(await links(result), { 'd/c': 'd/b' })
  })

  test('34: so does one of a file that was deleted', async () => {
    const result = await outcome({ a: shared }, { a: shared, b: shared, c: shared }, {})
    assert.deepEqual(result.tree, { b: 'x', c: 'x' })
    assert.deepEqual(await links(result), { c: 'b' })
  })

  test('35: a new name has the metadata that the file has got', async () => {
    const result = await outcome({ a: shared }, { a: shared, b: shared }, { a: file('x', { mode: 0o600 }) })
    assert.deepEqual(await links(result), { b: 'a' })
    for await (const { entry } of walkTree(result.store, result.root)) assert.equal(entry.mode, 0o600)
  })

  test('34: after a move the first name may have come to stand behind', async () => {
    const result = await outcome({ c: shared }, { b: shared, c: shared }, { a: shared })
    assert.deepEqual(result.tree, { a: 'x', b: 'x' })
    assert.deepEqual(await links(result), {})
  })

  test('36: that a file has got another first name is no change that keeps it from being deleted', async () => {
    const result = await outcome({ b: shared }, { a: shared, b: shared }, {})
    assert.deepEqual(result.tree, { a: 'x' })
  })
})
