/**
 * Streams: many versions of a text of 10,000 lines of 100 bytes, 0.1 to 1 % of them changed from one to the next,
 * recorded by Tidemark (through the library, and with a process for each version), git, RCS, `diff -u` and a chain of
 * `zstd --patch-from`. The peers take turns at each version, so that whatever else the machine does meets all alike.
 * Git appears twice: as it comes, it forces no commit to the disk (`core.fsync` leaves loose objects out), Tidemark does;
 * with `core.fsync=all` and `core.fsyncMethod=fsync` both promise the same.
 * Prints one Markdown table. `node bench/stream.ts [VERSIONS]`: 1,000 take some minutes. Builds the program first.
 */
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stream } from '../src/stream/index.ts'

const count = Number(process.argv[2] ?? 1000)
/** How many of the old versions are read by each. */
const reads = 40
const place = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
const repository = join(import.meta.dirname, '..')

let state = 1
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  return Math.floor(((state >>> 0) / 2 ** 32) * below)
}
const words = Array.from({ length: 2000 }, () =>
  Array.from({ length: 3 + random(7) }, () => String.fromCharCode(97 + random(26))).join(''),
)
function line(): string {
  let text = ''
  while (text.length < 99) text += `${words[random(words.length)]!} `
  return text.slice(0, 99)
}

/** The same versions each time it is called. */
function* versions(): Generator<Buffer> {
  state = 2
  const lines = Array.from({ length: 10_000 }, line)
  for (let i = 0; i < count; i++) {
    if (i > 0)
      for (let changes = 10 + random(91); changes > 0; changes--) lines[random(lines.length)] = line()
    yield Buffer.from(`${lines.join('\n')}\n`)
  }
}

/** Bytes of the history alone, and with the newest versions that lie beside it in full (git's working file, `latest`). */
interface Stored {
  readonly history: number
  readonly all: number
}

interface Peer {
  readonly name: string
  record(content: Buffer, i: number): Promise<void> | void
  /** What comes when all are recorded and the clock still runs; the time of it is shown apart. */
  finish?(): Promise<void> | void
  stored(): Stored
  open(i: number): Promise<Buffer> | Buffer
}

function run(program: string, args: readonly string[], cwd: string): Buffer {
  const result = spawnSync(program, args, { cwd, maxBuffer: 1 << 28 })
  if (result.status !== 0 && !(program === 'diff' && result.status === 1))
    throw new Error(`${program}: ${result.stderr.toString()}`)
  return result.stdout
}

function directory(name: string): string {
  const path = join(place, name)
  mkdirSync(path)
  return path
}

/** Bytes of all files below, each once however many names it has. */
function bytesIn(path: string): number {
  const seen = new Set<number>()
  let sum = 0
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    const stat = statSync(join(entry.parentPath, entry.name))
    if (!stat.isFile() || seen.has(stat.ino)) continue
    seen.add(stat.ino)
    sum += stat.size
  }
  return sum
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

function streamStored(root: string): Stored {
  const all = bytesIn(root)
  return { history: all - bytesIn(join(root, 's', 'latest')), all }
}

function libraryPeer(): Peer {
  const root = directory('library')
  const stream = new Stream(root, 's', { log: (event) => event.event === 'not packed' && console.log(event) })
  return {
    name: 'tidemark, library',
    record: async (content) => void (await stream.record(content)),
    finish: () => stream.close(),
    stored: () => streamStored(root),
    open: async (i) => (await stream.versions())[i]!.bytes(),
  }
}

/** The program as it is installed: built, not run from source. */
function build(): string {
  run('npm', ['run', '--silent', 'build'], repository)
  return join(repository, 'dist/cli/main.cjs')
}

function commandPeer(): Peer {
  const root = directory('command')
  const main = build()
  const names: string[] = []
  return {
    name: 'tidemark, a process a version',
    record(content) {
      writeFileSync(join(root, 'text'), content)
      const out = run(process.execPath, [main, 'record', 's', '--file', 'text'], root)
      names.push(out.toString().split(' ')[0]!)
    },
    stored: () => {
      rmSync(join(root, 'text'))
      return streamStored(root)
    },
    open: (i) => run(process.execPath, [main, 'at', 's', names[i]!], root),
  }
}

function gitPeer(fsync: boolean): Peer {
  const root = directory(fsync ? 'git-fsync' : 'git')
  const git = (...args: string[]): Buffer => run('git', args, root)
  git('init', '-q')
  for (const [key, value] of [
    ['user.name', 'a'],
    ['user.email', 'a@b'],
    ['gc.auto', '0'],
    ...(fsync
      ? [
          ['core.fsync', 'all'],
          ['core.fsyncMethod', 'fsync'],
        ]
      : []),
  ])
    git('config', key!, value!)
  let commits: string[] = []
  return {
    name: fsync ? 'git commit with core.fsync=all, then gc' : 'git commit, then gc',
    record(content, i) {
      writeFileSync(join(root, 'text'), content)
      if (i === 0) git('add', 'text')
      git('commit', '-qam', `version ${i}`)
    },
    finish() {
      git('gc', '-q')
      commits = git('rev-list', '--reverse', 'HEAD').toString().trim().split('\n')
    },
    stored: () => ({ history: bytesIn(join(root, '.git')), all: bytesIn(root) }),
    open: (i) => git('cat-file', 'blob', `${commits[i]!}:text`),
  }
}

function rcsPeer(): Peer {
  const root = directory('rcs')
  return {
    name: 'RCS',
    record(content, i) {
      writeFileSync(join(root, 'text'), content)
      run('ci', ['-q', '-l', '-m.', ...(i === 0 ? ['-t-.'] : []), 'text'], root)
    },
    stored: () => ({ history: statSync(join(root, 'text,v')).size, all: bytesIn(root) }),
    open: (i) => run('co', ['-q', '-p', `-r1.${i + 1}`, 'text'], root),
  }
}

function diffPeer(): Peer {
  const root = directory('diff')
  writeFileSync(join(root, 'previous'), '')
  return {
    name: '`diff -u` files',
    record(content, i) {
      writeFileSync(join(root, 'current'), content)
      writeFileSync(
        join(root, `${i}.diff`),
        run('diff', ['-u', '--label', 'previous', '--label', 'current', 'previous', 'current'], root),
      )
      renameSync(join(root, 'current'), join(root, 'previous'))
    },
    stored: () => ({ history: bytesIn(root) - statSync(join(root, 'previous')).size, all: bytesIn(root) }),
    open(i) {
      writeFileSync(join(root, 'text'), '')
      run('sh', ['-c', `for i in $(seq 0 ${i}); do cat $i.diff; done | patch -s text`], root)
      return readFileSync(join(root, 'text'))
    },
  }
}

function zstdPeer(): Peer {
  const root = directory('zstd')
  return {
    name: '`zstd --patch-from` chain',
    record(content, i) {
      writeFileSync(join(root, 'current'), content)
      const from = i === 0 ? [] : ['--patch-from', 'previous']
      run('zstd', ['-q', ...from, 'current', '-o', `${i}.zst`], root)
      renameSync(join(root, 'current'), join(root, 'previous'))
    },
    stored: () => ({ history: bytesIn(root) - statSync(join(root, 'previous')).size, all: bytesIn(root) }),
    open(i) {
      run(
        'sh',
        [
          '-c',
          `zstd -qdf 0.zst -o a; for i in $(seq 1 ${i}); do zstd -qdf --patch-from a $i.zst -o b; mv b a; done`,
        ],
        root,
      )
      return readFileSync(join(root, 'a'))
    },
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0
}

async function measure(): Promise<void> {
  const peers = [
    libraryPeer(),
    commandPeer(),
    gitPeer(false),
    gitPeer(true),
    rcsPeer(),
    diffPeer(),
    zstdPeer(),
  ]
  const spent = peers.map(() => 0)
  const each: number[][] = peers.map(() => [])
  const finishing = peers.map(() => 0)
  let i = 0
  for (const content of versions()) {
    for (const [p, peer] of peers.entries()) {
      // Nobody waits for what another has left unwritten: a file system that forces one file writes all of these first.
      run('sync', ['-f', place], place)
      const begun = performance.now()
      await peer.record(content, i)
      each[p]!.push(performance.now() - begun)
      spent[p]! += performance.now() - begun
    }
    i++
    if (process.stderr.isTTY && i % 10 === 0) process.stderr.write(`\r${i}`)
  }
  for (const [p, peer] of peers.entries()) {
    const begun = performance.now()
    await peer.finish?.()
    finishing[p] = performance.now() - begun
  }
  const stored = peers.map((peer) => peer.stored())
  const wanted = new Map<number, Buffer>(
    Array.from({ length: reads }, () => [random(count), Buffer.alloc(0)]),
  )
  let at = 0
  for (const content of versions()) {
    if (wanted.has(at)) wanted.set(at, content)
    at++
  }
  const opened: number[][] = peers.map(() => [])
  for (const [version, content] of wanted) {
    for (const [p, peer] of peers.entries()) {
      if (opened[p]!.length >= 5 && /diff|zstd/.test(peer.name)) continue
      const begun = performance.now()
      const read = await peer.open(version)
      opened[p]!.push(performance.now() - begun)
      if (!read.equals(content)) throw new Error(`${peer.name} gave other bytes for version ${version}`)
    }
  }
  const git = 2
  console.log(`${count} versions of 1.0 MB\n`)
  console.log(
    '| | record all, s | of git | of git, fsync | a version, ms (median) | then, s | history, MB | all, MB | of git | an old version, ms (median / max) |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|')
  for (const [p, peer] of peers.entries()) {
    const total = spent[p]! + (peer.name.startsWith('tidemark') ? finishing[p]! : 0)
    const then = peer.finish === undefined ? '' : (finishing[p]! / 1000).toFixed(1)
    const open = `${median(opened[p]!).toFixed(1)} / ${Math.max(...opened[p]!).toFixed(1)}`
    const { history, all } = stored[p]!
    const cells = [
      peer.name,
      (total / 1000).toFixed(1),
      (total / spent[git]!).toFixed(2),
      (total / spent[git + 1]!).toFixed(2),
      median(each[p]!).toFixed(1),
      then,
      megabytes(history),
      megabytes(all),
      // All of ours, the newest versions in full and all, against git's history without its working file.
      (all / stored[git]!.history).toFixed(2),
      open,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  const latest = readFileSync(join(place, 'library/s/latest.txt'))
  console.log(`\nlatest.txt: ${latest.length} bytes; checked: ${wanted.size} versions, byte for byte.`)
}

try {
  await measure()
} finally {
  rmSync(place, { recursive: true, force: true })
}
