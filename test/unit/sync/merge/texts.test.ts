import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createPlainChunker } from '../../../../src/object/chunker.ts'
import { chunkClass } from '../../../../src/object/chunk-class.ts'
import { lookUp } from '../../../../src/tree/directory.ts'
import { contentItems } from '../../../../src/tree/content.ts'
import { readContent } from '../../../../src/tree/read-content.ts'
import { directory, file, outcome, type Children, type Outcome } from '../../../suites/model-nodes.ts'

const rules = { '.tidemarkmerge': '*.md\n/notes/\n!keep.md\n' }
const [base, left, right] = ['one\ntwo\nthree\n', 'ONE\ntwo\nthree\n', 'one\ntwo\nTHREE\n']
const both = 'ONE\ntwo\nTHREE\n'

function at(name: string, data: string, mtime: number): Children {
  return { ...rules, [name]: file(data, { mtime }) }
}

function inNotes(data: string): Children {
  return { ...rules, notes: directory({ x: data }) }
}

function mergeAt(name: string, versions: readonly [string, string, string]): Promise<Outcome> {
  return outcome(at(name, versions[0], 100), at(name, versions[1], 200), at(name, versions[2], 300))
}

/** The numbers are those of docs/format/merge.md. */
suite('texts', () => {
  test('37: those that the rules name are merged by line', async () => {
    const result = await mergeAt('a.md', [base, left, right])
    assert.deepEqual([result.tree['a.md'], result.conflicts], [both, []])
    const entry = await lookUp(result.store, result.root, 'a.md')
    assert.equal(entry?.mtimeNs, 300_000_000_000n)
  })

  test('37: by whole paths, too', async () => {
    assert.equal((await outcome(inNotes(base), inNotes(left), inNotes(right))).tree['notes/x'], both)
  })

  test('37: where they were moved to', async () => {
    const result = await outcome(
      { ...rules, a: base, 'b.md': base },
      { ...rules, a: base, sub: directory({ 'b.md': base }) },
      { ...rules, a: base, 'b.md': left },
    )
    assert.equal(result.tree['sub/b.md'], left)
  })

  test('38: others, and those of which both have changed the same lines, are conflicts', async () => {
    assert.equal((await mergeAt('a.txt', [base, left, right])).conflicts.length, 1)
    assert.equal((await mergeAt('keep.md', [base, left, right])).conflicts.length, 1)
    assert.equal((await mergeAt('a.md', [base, left, 'uno\ntwo\nthree\n'])).conflicts.length, 1)
    assert.equal((await mergeAt('a.md', [base, left, `${right}\0`])).conflicts.length, 1)
    const added = await outcome(rules, at('a.md', left, 100), at('a.md', right, 200))
    assert.equal(added.conflicts.length, 1)
    const strangers = await outcome(undefined, at('a.md', left, 100), at('a.md', right, 200))
    assert.equal(strangers.conflicts.length, 1)
  })

  test('38: the rules are those of the base', async () => {
    const name = 'a.md'
    const without = await outcome({ [name]: base }, { ...rules, [name]: left }, { ...rules, [name]: right })
    assert.equal(without.conflicts.length, 1)
  })

  test('a merged text is cut as a snapshot would cut it', async () => {
    const long = Array.from({ length: 20_000 }, (_, n) => `line ${n} of a text\n`).join('')
    const result = await mergeAt('a.md', [`a\nb\n${long}c\n`, `A\nb\n${long}c\n`, `a\nb\n${long}C\n`])
    const expected = new TextEncoder().encode(`A\nb\n${long}C\n`)
    const entry = await lookUp(result.store, result.root, 'a.md')
    assert.ok(entry?.kind === 'file')
    const pieces: Uint8Array[] = []
    for await (const piece of readContent(result.store, entry)) pieces.push(piece)
    assert.deepEqual(new Uint8Array(Buffer.concat(pieces)), expected)
    const lengths: number[] = []
    for await (const { length } of contentItems(result.store, entry)) lengths.push(length)
    const chunker = createPlainChunker(expected.length)
    chunker.memory.set(expected)
    const cuts: number[] = []
    for (let start = 0; start < expected.length; start += cuts.at(-1)!)
      cuts.push(chunker.cut(start, expected.length, chunkClass(expected.length)) - start)
    assert.deepEqual(lengths, cuts)
    assert.ok(lengths.length > 5)
  })
})
