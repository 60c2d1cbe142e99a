import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { requireTool } from '../require.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'
import { version } from '../../src/version.ts'

const home = join(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
  version: string
  exports: Record<string, unknown>
}

/** Every supported line of Node; undefined is the one that runs this test. */
const nodes = ['22', '24', undefined]

/** npm as a user runs it: what it hands down to scripts would change what it does. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))

function npm(directory: string, ...args: string[]): string {
  return execFileSync('npm', args, {
    cwd: directory,
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('the version in the sources is that of the package', () => {
  assert.equal(version, manifest.version)
})

suite('the package', () => {
  test('is built, packed, installed and run on every supported Node', async (t) => {
    const directory = temporaryDirectory(t)
    const [packed] = JSON.parse(npm(home, 'pack', '--json', '--pack-destination', directory)) as {
      filename: string
    }[]

    const { messages, pkg } = await publint({ pkgDir: home, strict: true })
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    )

    const app = join(directory, 'app')
    mkdirSync(app)
    writeFileSync(join(app, 'package.json'), '{"private":true,"type":"module"}')
    try {
      npm(app, 'install', '--no-audit', '--no-fund', join(directory, packed!.filename))
    } catch (error) {
      return void requireTool(t, false, `the npm registry: ${String(error)}`)
    }
    const names = Object.keys(manifest.exports).filter((name) => !/\.json$|\*/.test(name))
    for (const line of nodes) {
      let node = process.execPath
      if (line !== undefined) {
        const place = join(directory, `node-${line}`)
        mkdirSync(place)
        npm(place, 'install', '--no-audit', '--no-fund', '--prefix', place, `node@${line}`)
        node = join(place, 'node_modules/node/bin/node')
      }
      const run = (...args: string[]): string => {
        const { status, stdout, stderr } = spawnSync(node, args, { cwd: app, encoding: 'utf8', env })
        assert.doesNotMatch(stderr, /warning|error/i, `${args.join(' ')} on Node ${line ?? 'current'}`)
        assert.equal(status, 0)
        return stdout
      }
      const tidemark = (...args: string[]): string => run('node_modules/tidemark/dist/cli/main.cjs', ...args)
      assert.match(tidemark('--version'), new RegExp(manifest.version))

      const folder = join(directory, `folder-${line}`)
      mkdirSync(folder)
      writeFileSync(join(folder, 'a.txt'), 'one\n')
      tidemark('init', folder)
      tidemark('-C', folder, 'snapshot', '-m', 'first')
      writeFileSync(join(folder, 'a.txt'), 'two\n')
      tidemark('-C', folder, 'snapshot')
      assert.equal(tidemark('-C', folder, 'cat', 'latest~1:a.txt'), 'one\n')
      tidemark('-C', folder, 'verify', '--data')
      tidemark('-C', folder, 'restore', 'latest~1', '--to', join(directory, `restored-${line}`))
      assert.equal(readFileSync(join(directory, `restored-${line}`, 'a.txt'), 'utf8'), 'one\n')

      for (const name of names) {
        const specifier = JSON.stringify(name.replace(/^\./, 'tidemark'))
        const count = run('-e', `import(${specifier}).then((m) => console.log(Object.keys(m).length))`)
        assert.ok(Number(count) > 0, `${specifier} exports nothing`)
      }
    }
  })
})
