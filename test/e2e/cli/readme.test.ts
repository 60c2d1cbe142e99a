import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Scene } from './tidemark.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block!)

test('the tour of the README works when pasted', async (t) => {
  assert.ok(blocks.length >= 6, 'no tour found')
  const scene = new Scene(t)
  // Every command is to end well, and what it says is to be the last thing on the screen before the next.
  const script = ['set -e -o pipefail', ...blocks].join('\n')
  const { code, stdout, stderr } = await scene.execute('bash', ['-c', script], { cwd: root })
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  // What the text promises.
  assert.match(stdout, /^R {2}letters\/draft\.txt -> letters\/to-ben\.txt$/m)
  assert.match(stdout, /^\+butter$/m)
  assert.match(stdout, /^milk\nbread\nbutter\nDear Ben,$/m)
  assert.match(stdout, /renamed .*letters\/draft\.txt -> letters\/to-ben\.txt/)
  assert.ok(existsSync(join(scene.home, 'tidemark-tour-then/letters/draft.txt')))
  assert.match(stdout, /^Dear Ann,$/m)
})

test('every link of the README and the guide leads somewhere', () => {
  const pages = ['README.md', ...guidePages()]
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(root, dirname(page), link!)), `${page}: ${link}`)
    }
  }
})

function guidePages(): string[] {
  const names = [
    'keep-a-folder',
    'look-back',
    'restore',
    'watch',
    'sync',
    'care',
    'ignore-rules',
    'scripting',
    'json',
  ]
  return [...names, 'exit-codes'].map((name) => `docs/guide/${name}.md`)
}

test('npm start shows a folder of the user', async (t) => {
  const scene = new Scene(t)
  scene.write('mine.txt', 'mine\n')
  const start = [join(root, 'scripts/start.ts'), '.']
  const { code, stdout, stderr } = await scene.execute(process.execPath, start)
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /\$ tidemark init\n[^]*\$ tidemark snapshot\n[^]*\$ tidemark log -n 10\n[^]*\$ tidemark status\n/,
  )
  assert.equal(await scene.ok('cat', 'latest:mine.txt'), 'mine\n')
  // The second time there is nothing to begin.
  const again = await scene.execute(process.execPath, start)
  assert.equal(again.code, 0)
  assert.doesNotMatch(again.stdout, /tidemark init/)
})

test('npm start without a folder makes a sample and keeps its history', async (t) => {
  const scene = new Scene(t)
  const start = [join(root, 'scripts/start.ts')]
  const env = { TIDEMARK_START_PACE: '0' }
  const { code, stdout, stderr } = await scene.execute(process.execPath, start, { env })
  assert.equal(code, 0, stderr)
  for (const line of ['status', 'restore latest --in-place', 'verify --data', 'diff latest~1 --text']) {
    assert.ok(stdout.includes(`$ tidemark ${line}\n`), line)
  }
  assert.match(stdout, /renamed .*letters\/draft\.txt -> letters\/to-ben\.txt/)
  const sample = join(scene.directory, 'sample')
  assert.equal(readFileSync(join(sample, 'shopping.txt'), 'utf8'), 'milk\nbread\nbutter\n')
  assert.ok(existsSync(join(sample, 'picture.ppm')))
  // A folder of that name that somebody else made is left alone.
  const other = new Scene(t)
  mkdirSync(join(other.directory, 'sample'))
  writeFileSync(join(other.directory, 'sample/precious'), 'p')
  assert.equal((await other.execute(process.execPath, start, { env })).code, 1)
  assert.equal(readFileSync(join(other.directory, 'sample/precious'), 'utf8'), 'p')
})
