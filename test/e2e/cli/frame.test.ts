import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandTable } from '../../../src/cli/command-table.ts'
import { exitCodes } from '../../../src/cli/exit-codes.ts'
import { Scene, makeHistory } from './tidemark.ts'

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
/** Prints the files of the program that are loaded. */
const tellLoads = `--import=data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module'
   registerHooks({ load(url, context, next) {
     if (url.includes('/src/') || url.includes('node_modules')) console.error('LOADS ' + url)
     return next(url, context) } })`,
)}`

test('the version costs nothing but the version', async (t) => {
  const scene = new Scene(t)
  const { code, stdout, stderr } = await scene.run(['--version'], { env: { NODE_OPTIONS: tellLoads } })
  assert.deepEqual([code, stdout], [0, `tidemark ${version}\n`])
  const loaded = [...stderr.matchAll(/LOADS .*\/src\/(.*)/g)].map(([, file]) => file)
  assert.deepEqual(loaded, ['cli/main.ts', 'version.ts'])
  assert.equal((await scene.run(['log', '--version'])).stdout.trim(), version)
})

test('help lists every command and loads none', async (t) => {
  const scene = new Scene(t)
  const { code, stdout, stderr } = await scene.run(['--help'], { env: { NODE_OPTIONS: tellLoads } })
  assert.equal(code, 0)
  for (const { name, summary } of commandTable)
    assert.match(stdout, new RegExp(`^  ${name} +${summary}`, 'm'))
  for (const number of Object.values(exitCodes)) assert.match(stdout, new RegExp(`^ +${number}  `, 'm'))
  assert.match(stderr, /LOADS .*commander/)
  assert.doesNotMatch(stderr, /LOADS .*\/(commands|store|folder|history)\//)
  assert.equal((await scene.run([])).stdout, stdout)
  assert.equal((await scene.run(['help'])).stdout, stdout)
})

test('each command has a help of its own', async (t) => {
  const scene = new Scene(t)
  for (const { name } of commandTable) {
    const { code, stdout, stderr } = await scene.run(['help', name])
    assert.deepEqual([code, stderr], [0, ''], name)
    assert.match(stdout, new RegExp(`^Usage: tidemark ${name}`))
    assert.match(stdout, /^Examples:$[^]*^Exit codes:$/m)
    assert.match(stdout, /--json/)
    assert.doesNotMatch(stdout, /undefined|\(default: /)
  }
})

test('mistakes on the command line are said in one line', async (t) => {
  const scene = new Scene(t)
  const cases: [string[], RegExp][] = [
    [['-q'], /no command is named/],
    [['lgo'], /unknown command 'lgo'.*log/],
    [['log', '--nope'], /unknown option '--nope'/],
    [['log', '-n'], /argument missing/],
    [['log', '-n', 'many'], /--max-count many: not a whole number/],
    [['init', ''], /\[dir\] is empty/],
    [['-C', '', 'log'], /--folder is empty/],
    [['mirror', 'origin', ''], /<dir> is empty/],
    [['log', 'more'], /too many arguments/],
    [['cat'], /missing required argument/],
    [['completion', 'tcsh'], /tcsh: not one of bash, zsh, fish/],
    [['log', '-C', '.', '-r', 'x'], /exclude each other/],
    [['snapshot', '-r', 'x'], /works on a folder/],
    [['log', '-r', 'ftp://x/y'], /no such kind of place/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await scene.run(args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
    assert.match(stderr, /^tidemark: [^\n]*\n$/)
    const json = await scene.run(['--json', ...args])
    const { error } = JSON.parse(json.stderr) as { error: Record<string, unknown> }
    assert.deepEqual([json.code, error['code'], error['exitCode']], [2, 'usage', 2])
    assert.match(String(error['message']), message)
  }
})

test('errors say what is missing and what to do', async (t) => {
  const scene = new Scene(t)
  const none = await scene.run(['log'])
  assert.equal(none.code, 4)
  assert.match(none.stderr, /no history is kept here.*tidemark init/)
  assert.equal((await scene.run(['log', '-r', 'nowhere'])).code, 4)
  await makeHistory(scene)
  const cases: [string[], number, RegExp][] = [
    [['init'], 6, /kept already/],
    [['ls', 'zzz'], 4, /no snapshot "zzz"/],
    [['cat', 'latest:nothing'], 4, /no nothing/],
    [['cat', 'latest:docs'], 2, /docs is a directory/],
    [['cat', 'latest:../x'], 2, /leads out of the folder/],
    [['ls', ':docs'], 2, /no snapshot is named/],
  ]
  for (const [args, code, message] of cases) {
    const result = await scene.run(args)
    assert.equal(result.code, code, args.join(' '))
    assert.match(result.stderr, message)
  }
})

test('a bug is called one, and its stack is there when asked for', async (t) => {
  const scene = new Scene(t)
  const broken = `--import=data:text/javascript,${encodeURIComponent(
    `Array.prototype.toSorted = () => { throw new TypeError('it broke') }`,
  )}`
  await makeHistory(scene)
  const plain = await scene.run(['log'], { env: { NODE_OPTIONS: broken } })
  assert.equal(plain.code, 1)
  assert.match(plain.stderr, /it broke\n.*error inside Tidemark. Please report it.*\nTIDEMARK_DEBUG=1/)
  assert.doesNotMatch(plain.stderr, /\n +at /)
  const debug = await scene.run(['log'], { env: { NODE_OPTIONS: broken, TIDEMARK_DEBUG: '1' } })
  assert.match(debug.stderr, /TypeError: it broke\n +at /)
})

test('a reader that leaves early is no error', async (t) => {
  const scene = new Scene(t)
  for (let i = 0; i < 5000; i++) scene.write(`many/a file with a rather long name, to fill the pipe ${i}`, '')
  await scene.ok('init')
  await scene.ok('snapshot')
  const script = 'tidemark ls -R latest | head -n 1; echo "${PIPESTATUS[0]}"'
  const { stdout, stderr } = await scene.execute('bash', ['-c', script])
  assert.deepEqual([stdout, stderr], ['many/\n0\n', ''])
})
