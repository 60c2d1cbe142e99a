import assert from 'node:assert/strict'
import { closeSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { Descriptors } from '../../../../src/folder/apply/descriptors.ts'
import { UnfinishedFiles, type UnfinishedFile } from '../../../../src/folder/apply/unfinished-file.ts'
import { openDirectory, type DirectoryHandle } from '../../../../src/folder/system/directory-handle.ts'
import { temporaryDirectory } from '../../../suites/temporary-directory.ts'

interface Bench {
  readonly path: string
  readonly directory: DirectoryHandle
  /** Makes a file that holds `text`, ready to be placed. */
  readonly ready: (text: string, replaces?: boolean) => UnfinishedFile
}

/** `nameless`: how many may be open without a name; one more than those, as the first gets a name at once. */
function bench(t: TestContext, nameless: number): Bench {
  const path = temporaryDirectory(t)
  const directory = openDirectory(path)
  t.after(() => directory.close())
  const memory = new SharedArrayBuffer(4)
  new Int32Array(memory)[0] = nameless
  const files = new UnfinishedFiles(new Descriptors(memory))
  const ready = (text: string, replaces = false): UnfinishedFile => {
    const file = files.make(directory, 0o644, replaces)
    writeSync(file.fd, text)
    file.close()
    return file
  }
  // The first finds out whether there are files without a name here.
  if (nameless > 0) ready('').discard(directory)
  return { path, directory, ready }
}

/** Whether the file system of the tests has files without a name. */
function isThereNameless(t: TestContext): boolean {
  const directory = openDirectory(temporaryDirectory(t))
  const fd = directory.openNameless(0o600)
  directory.close()
  if (fd !== undefined) closeSync(fd)
  return fd !== undefined
}

suite('unfinished files', () => {
  for (const nameless of [0, 2]) {
    test(`are whole in their place, or nowhere (${nameless} without a name)`, (t) => {
      const { path, directory, ready } = bench(t, nameless)
      const files = ['a', 'b', 'c'].map((name) => ({ name, file: ready(name) }))
      for (const { name, file } of files) {
        file.sync(directory)
        assert.ok(file.place(directory, name, undefined))
        assert.equal(readFileSync(join(path, name), 'utf8'), name)
      }
      ready('d').discard(directory)
      assert.deepEqual(readdirSync(path).toSorted(), ['a', 'b', 'c'])
    })

    test(`never replace what nobody has seen (${nameless} without a name)`, (t) => {
      const { path, directory, ready } = bench(t, nameless)
      const file = ready('ours')
      writeFileSync(join(path, 'x'), 'theirs')
      assert.equal(file.place(directory, 'x', undefined), false)
      file.discard(directory)
      assert.equal(readFileSync(join(path, 'x'), 'utf8'), 'theirs')
      assert.deepEqual(readdirSync(path), ['x'])
    })

    test(`replace what was seen, as long as it is that (${nameless} without a name)`, (t) => {
      const { path, directory, ready } = bench(t, nameless)
      writeFileSync(join(path, 'x'), 'old')
      const before = directory.stat('x')
      const late = ready('late', true)
      assert.ok(ready('new', true).place(directory, 'x', before))
      assert.equal(readFileSync(join(path, 'x'), 'utf8'), 'new')
      assert.equal(late.place(directory, 'x', before), false)
      late.discard(directory)
      assert.deepEqual(readdirSync(path), ['x'])
    })
  }

  test('stand under no name where that can be, as many as may be open', (t) => {
    if (!isThereNameless(t)) return t.skip('this file system has no files without a name')
    const { path, directory, ready } = bench(t, 2)
    const files = [ready('1'), ready('2')]
    assert.deepEqual(readdirSync(path), [])
    const third = ready('3')
    assert.equal(readdirSync(path).length, 1)
    files[0]!.discard(directory)
    // Twice is once: the descriptor may be another file's by now.
    files[0]!.discard(directory)
    const again = ready('4')
    assert.equal(readdirSync(path).length, 1)
    for (const file of [...files, third, again]) file.discard(directory)
    assert.deepEqual(readdirSync(path), [])
  })
})
