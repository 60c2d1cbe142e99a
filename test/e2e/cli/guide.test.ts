import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { exitCodes, exitMeanings, exitOf } from '../../../src/cli/exit-codes.ts'
import type { Exit } from '../../../src/cli/exit-codes.ts'
import { readUpFile } from '../../../src/cli/up/up-file.ts'
import { TidemarkError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { Scene } from './tidemark.ts'

function guide(name: string): string {
  return readFileSync(new URL(`../../../docs/guide/${name}`, import.meta.url), 'utf8')
}

test('the page on exit codes says what the program does', () => {
  const rows = [...guide('exit-codes.md').matchAll(/^\| (\d+) \| (.*?) \|(.*)\|$/gm)]
  const written = rows.map(([, code, meaning]) => [Number(code), meaning])
  const real = (Object.keys(exitCodes) as Exit[]).map((exit) => [exitCodes[exit], exitMeanings[exit]])
  assert.deepEqual(written, real)
  for (const [, code, , errors] of rows) {
    for (const [, word] of errors!.matchAll(/`([a-z]+)`/g)) {
      if (word === 'bug' || word === 'cancelled') continue
      const exit = exitOf(new TidemarkError(word as ErrorCode, ''))
      assert.equal(exitCodes[exit], Number(code), `the code of ${word}`)
    }
  }
})

test('the guide to sync works when pasted', async (t) => {
  const scene = new Scene(t)
  const blocks = [...guide('sync.md').matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block!)
  assert.ok(blocks.length >= 6, 'no commands found')
  const script = ['set -e -o pipefail', ...blocks].join('\n')
  const { code, stdout, stderr } = await scene.execute('bash', ['-c', script])
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  // What the text promises.
  assert.match(stdout, /^milk\nbread\nDear Ben,$/m)
  assert.match(stdout, /^R {2}letter\.txt -> to-ben\.txt$/m)
  assert.match(stdout, /^-from there\n\+from here$/m)
  assert.match(stdout, /^list \(conflict .*\)\.txt deleted$/m)
  assert.match(stdout, /^photos$/m)
})

test('the file in the guide to sync is one', async () => {
  const [, file = ''] = /^```yaml\n([^]*?)^```$/m.exec(guide('sync.md')) ?? []
  const { folders, listen } = await readUpFile(file, '/home/ann/.config/tidemark/up.yaml')
  assert.deepEqual(
    folders.map(({ name, peers }) => [name, peers.map(({ name }) => name)]),
    [
      ['notes', ['laptop', 'notes']],
      ['photos', ['server.example.org']],
    ],
  )
  assert.deepEqual(listen, { host: '0.0.0.0', port: 7070 })
})

test('the guide to the library works when run', async (t) => {
  const directory = temporaryDirectory(t)
  const { exports } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  /** What a user imports, as it is in the sources. */
  const source = (name: string): string => {
    const { default: built } = exports[name.replace('tidemark', '.')]!
    const path = built.replace('./dist/', '../../../src/').replace(/\.js$/, '.ts')
    return `'${new URL(path, import.meta.url).href}'`
  }
  const blocks = [...guide('library.md').matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, block]) => block!)
  assert.ok(blocks.length >= 6, 'no code found')
  let said = ''
  for (const [n, block] of blocks.entries()) {
    const path = join(directory, `${n}.ts`)
    writeFileSync(
      path,
      block.replaceAll(/'(tidemark(?:\/\w+)?)'/g, (_, name: string) => source(name)),
    )
    const { status, stdout, stderr } = spawnSync(process.execPath, [path], {
      cwd: directory,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${block}\n${stderr}`)
    said += stdout
  }
  assert.match(said, /^true true \[\]\nchanged list\.txt\nmilk\n1 \[\]\n(?:.*\n)*added new\.txt\n/)
  assert.match(said, /^true 2\nconnected\nsynchronized\n(?:.*\n)*0 0$/m)
})
