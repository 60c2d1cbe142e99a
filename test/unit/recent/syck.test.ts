import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { nameFromBytes, nameToBytes } from '../../../src/bytes/name.ts'
import { emptyFile, parseRecentfile, printDetail, produce, serialise } from '../../../src/recent/index.ts'
import { seededRandom } from '../../suites/random.ts'
import { requireTool } from '../../require.ts'

/** Reads an index with YAML::Syck and prints it: paths and details in hexadecimal, then the whole as it would write it. */
const program = `
use YAML::Syck;
$YAML::Syck::SortKeys = 1;
local $/; binmode STDIN; binmode STDOUT;
my $data = Load(scalar <STDIN>);
for (@{$data->{recent}}) { print join(" ", $_->{epoch}, unpack("H*", $_->{path}), $_->{type}, unpack("H*", $_->{Tidemark} // "")), "\\n" }
print "==\\n", Dump($data);
`

function syck(bytes: Uint8Array): { lines: string[]; dump: Buffer } {
  const { status, stdout, stderr } = spawnSync('perl', ['-e', program], { input: bytes, maxBuffer: 1 << 28 })
  assert.equal(status, 0, stderr.toString())
  const at = stdout.indexOf('==\n')
  return { lines: stdout.subarray(0, at).toString().split('\n').slice(0, -1), dump: stdout.subarray(at + 3) }
}

const words = `null yes no ~ true off y N 1.5e3 123 007 -5 0x1f 1_000 1,000 12:30:45 .5 1. inf .inf .nan NaN 2001-01-01 << = + -dash`
const phrases = [
  ...words.split(' '),
  '- x',
  '-',
  '?',
  '? x',
  ': colon',
  'a: b',
  'a:',
  'a:b',
  '#hash',
  'a #b',
  'a#b',
  "'quote'",
  "it's",
  '"q"',
  'a"b',

  '[x]',
  '{y}',
  'x]',
  '*a',
  '&a',
  '!t',
  '|',
  '>',
  '%x',
  '@x',
  '`x',
  ',x',
  'a,b',
  '---',
  '--- x',
  '...',
  '2001-01-01 10:00',

  '\ttab',
  'a\tb',
  'with\nnewline',
  '\n',
  'a\n',
  '\r',
  'trailing ',
  ' leading',
  ' ',
  '\x01',
  '\x7f',
  '\\',
  'back\\slash',

  'ümlaut',
  '\u00a0x',
  '\u2028',
  '\ufeffx',
  '日本',
  '😀',
  'a'.repeat(300),
  'ab '.repeat(100) + 'z',
  'a\n'.repeat(100),

  ...[[0xe9, 0x6c], [0xff], [0x0a, 0xe9], [0xc3, 0xa9, 0xc3]].map((bytes) =>
    nameFromBytes(Uint8Array.from(bytes)),
  ),
]

/** Without keys that are there but undefined. */
function plain(meta: unknown): unknown {
  return JSON.parse(JSON.stringify(meta))
}

test('YAML::Syck, which the Perl programs read with, reads what we write', (t) => {
  const judge = spawnSync('perl', ['-MYAML::Syck', '-e', '1'])
  if (!requireTool(t, judge.status === 0, 'libyaml-syck-perl is not installed')) return
  const next = seededRandom(1)
  const random = (below: number): number => Math.floor(next() * below)
  const letters = ' -:#\'"\\[]{}&*!|>%@`,?~=\n\t\r\0aeé/.0159_xX+'
    .split('')
    .map((letter) => nameToBytes(letter))
  const made = Array.from({ length: 3000 }, () =>
    nameFromBytes(
      Buffer.concat(Array.from({ length: 1 + random(6) }, () => letters[random(letters.length)]!)),
    ),
  )
  // Numbers with a newline behind them it writes so that hardly anything can read them, itself included.
  const readable = made.filter((name) => !/^[-+.0-9ex_]+\n$/.test(name))
  const paths = [...new Set([...phrases, ...readable])]
  const events = paths.map((path, at) => ({
    epoch: `${10_000 - at}.5`,
    path,
    type: at % 3 === 0 ? ('delete' as const) : ('new' as const),
    ...(at % 2 === 0 && { detail: printDetail({ kind: 'symlink', target: path.replaceAll('\0', 'x') }) }),
  }))
  const names = { $0: '/usr/bin/tide: mark', 'File::Rsync::Mirror::Recentfile': '0.0.8' }
  const comment = 'with: colon\nand newline'
  const empty = emptyFile({ interval: '1h', aggregator: ['1d', 'Z'], comment })
  const file = produce({ ...empty.meta, merged: {} }, events, { now: () => '20000.5', names })
  const { lines, dump } = syck(serialise(file))
  assert.equal(lines.length, events.length)
  for (const [at, { epoch, path, type, ...rest }] of events.entries()) {
    const detail = 'detail' in rest ? rest.detail : ''
    const [pathBytes, detailBytes] = [path, detail].map((text) =>
      Buffer.from(nameToBytes(text)).toString('hex'),
    )
    assert.equal(lines[at], `${epoch} ${pathBytes} ${type} ${detailBytes}`, JSON.stringify(path))
  }
  // And we read what it writes: all it knows, our own key included.
  const again = parseRecentfile(dump)
  assert.deepEqual(plain(again.meta), plain(file.meta))
  for (const [at, event] of events.entries()) assert.deepEqual(again.events[at], event)
})
