import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { nameFromBytes, nameToBytes } from '../../src/bytes/name.ts'
import { initFolder, type Folder } from '../../src/folder/folder.ts'
import { setTimes } from '../../src/folder/system/times.ts'
import { readXattrs, writeXattrs } from '../../src/folder/system/xattrs.ts'
import { restore } from '../../src/history/restore.ts'
import { takeSnapshot, type SnapshotReport } from '../../src/history/snapshot.ts'
import { verify } from '../../src/history/verify.ts'
import { requireTool } from '../require.ts'
import { readFolder, type Described } from '../suites/read-folder.ts'
import { memoryDirectory } from '../suites/temporary-directory.ts'

async function begin(t: TestContext): Promise<Folder> {
  const parent = memoryDirectory(t)
  mkdirSync(`${parent}/folder`)
  const folder = await initFolder(`${parent}/folder`, { repository: `${parent}/repository` })
  t.after(() => folder.close())
  return folder
}

function describe(root: string): Described {
  const described = new Map(readFolder(root))
  for (const path of described.keys()) if (/^\.tidemark(?:\/|$)/.test(path)) described.delete(path)
  return described
}

/** Takes a snapshot, restores it, and looks for what is wrong with the repository. */
async function thereAndBack(
  folder: Folder,
): Promise<{ report: SnapshotReport; target: string; lost: string[] }> {
  const report = await takeSnapshot(folder)
  const repository = await folder.repository()
  const target = `${folder.root}-restored`
  rmSync(target, { recursive: true, force: true })
  const { problems } = await restore(repository, report.snapshot!.root, target)
  assert.deepEqual((await verify(repository.bucket, { data: true })).findings, [])
  await setTimeout(100)
  assert.equal((await takeSnapshot(folder)).id, undefined, 'nothing has changed')
  return { report, target, lost: problems.map(({ path, message }) => `${path}: ${message}`) }
}

async function assertEqual(folder: Folder): Promise<void> {
  const { report, target, lost } = await thereAndBack(folder)
  assert.deepEqual(report.problems, [])
  assert.deepEqual(lost, [])
  assert.deepEqual(describe(target), describe(folder.root))
}

suite('what there is to say about a file', () => {
  test('owners up to the largest, as root', async (t) => {
    if (!requireTool(t, process.getuid?.() === 0, 'giving files away needs root')) return
    const folder = await begin(t)
    for (const id of [1, 65_534, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2]) {
      writeFileSync(`${folder.root}/${id}`, '')
      symlinkSync('.', `${folder.root}/link-${id}`)
      for (const path of [`${id}`, `link-${id}`]) lchownSync(`${folder.root}/${path}`, id, id)
      chmodSync(`${folder.root}/${id}`, 0o6755)
    }
    await assertEqual(folder)
  })

  test('modes of files side by side, whatever the umask', async (t) => {
    for (const mask of [0o077, 0]) {
      const folder = await begin(t)
      for (const mode of [0o644, 0o600, 0o666, 0o4755, 0o400]) {
        for (let n = 0; n < 4; n++) {
          const path = `${folder.root}/${mode.toString(8)}-${n}`
          writeFileSync(path, String(n))
          chmodSync(path, mode)
        }
      }
      const before = process.umask(mask)
      try {
        await assertEqual(folder)
      } finally {
        process.umask(before)
      }
    }
  })

  test('times before 1970 and after 2262: the nearest that can be kept', async (t) => {
    const folder = await begin(t)
    const second = 1_000_000_000n
    const latest = 2n ** 63n - 1n
    const times = new Map([
      ['long ago', [-latest, -latest]],
      ['before 1970', [-1n, -1n]],
      ['latest', [latest, latest]],
      ['later', [latest + 1n, latest]],
      ['much later', [2n ** 55n * second, latest]],
      ['much earlier', [-(2n ** 55n) * second, -latest - 1n]],
    ] as const)
    for (const [name, [time]] of times) {
      writeFileSync(`${folder.root}/${name}`, name)
      mkdirSync(`${folder.root}/${name} directory`)
      symlinkSync('.', `${folder.root}/${name} link`)
      for (const path of [name, `${name} directory`, `${name} link`]) setTimes(`${folder.root}/${path}`, time)
    }
    const { mtimeNs } = lstatSync(`${folder.root}/much later`, { bigint: true })
    if (!requireTool(t, mtimeNs === 2n ** 55n * second, 'a file system that has such times')) return
    const { report, target, lost } = await thereAndBack(folder)
    assert.deepEqual(lost, [])
    // All that stand at a bound, for what was beyond it cannot be told from it.
    const bounds = [...times].filter(([, [, kept]]) => kept === latest || kept === -latest - 1n)
    assert.deepEqual(
      new Set(report.problems.map(({ path, code }) => `${code} ${path}`)),
      new Set(
        bounds.flatMap(([name]) =>
          [name, `${name} directory`, `${name} link`].map((path) => `lost-metadata ${path}`),
        ),
      ),
    )
    for (const [name, [, expected]] of times)
      for (const path of [name, `${name} directory`, `${name} link`])
        assert.equal(lstatSync(`${target}/${path}`, { bigint: true }).mtimeNs, expected, path)
  })

  test('attributes of 64 KiB, and hundreds of them', async (t) => {
    const folder = await begin(t)
    const value = new Uint8Array(65_536).fill(7)
    const many = Array.from({ length: 300 }, (_, n) => ({
      name: `user.${String(n).padStart(3, '0')}`,
      value: new Uint8Array(n).fill(n % 256),
    }))
    writeFileSync(`${folder.root}/large`, '')
    mkdirSync(`${folder.root}/many`)
    const problems = [
      ...writeXattrs(`${folder.root}/large`, [{ name: 'user.large', value }], []),
      ...writeXattrs(`${folder.root}/many`, many, []),
    ]
    if (!requireTool(t, problems.length === 0, 'a file system with room for large attributes')) return
    await assertEqual(folder)
  })

  test('access control lists and capabilities', async (t) => {
    const folder = await begin(t)
    const { root } = folder
    writeFileSync(`${root}/program`, '')
    mkdirSync(`${root}/shared`)
    const cap = Buffer.from('0100000200040000000000000000000000000000', 'hex')
    const given =
      writeXattrs(`${root}/program`, [{ name: 'security.capability', value: cap }], []).length === 0 &&
      spawnSync('setfacl', ['-m', 'u:1234:rwx,d:u:1234:r', `${root}/shared`]).status === 0
    if (!requireTool(t, given, 'setting capabilities and access control lists (root, setfacl)')) return
    const names = readXattrs(`${root}/shared`).map(({ name }) => name)
    assert.deepEqual(names, ['system.posix_acl_access', 'system.posix_acl_default'])
    await assertEqual(folder)
  })

  test('names of any bytes, in directories and links', async (t) => {
    const folder = await begin(t)
    const names = Array.from({ length: 255 }, (_, n) => Buffer.from([n + 1, 0x61]))
    for (const name of [...names, Buffer.from('é'.repeat(127)), Buffer.from([0xed, 0xb2, 0x80])]) {
      if (name.includes(0x2f)) continue
      const path = Buffer.concat([Buffer.from(`${folder.root}/`), name])
      // The way there and back.
      assert.deepEqual(Buffer.from(nameToBytes(nameFromBytes(name))), name)
      mkdirSync(path)
      writeFileSync(Buffer.concat([path, Buffer.from('/'), name]), name)
      symlinkSync(name, Buffer.concat([path, Buffer.from('/link')]))
    }
    await assertEqual(folder)
  })
})

suite('what few folders hold', () => {
  test('a file of a tebibyte that is nearly all hole is not read, nor written', async (t) => {
    const folder = await begin(t)
    const path = `${folder.root}/sparse`
    writeFileSync(path, 'what there is in it')
    truncateSync(path, 2 ** 40)
    const { report, target, lost } = await thereAndBack(folder)
    assert.deepEqual([report.problems, lost], [[], []])
    assert.ok(report.stored < 10_000)
    const { size, blocks } = lstatSync(`${target}/sparse`)
    assert.equal(size, 2 ** 40)
    assert.ok(blocks * 512 < 1_000_000)
  })

  test('sizes beyond what can be stated make a problem, and a tree that can be read', async (t) => {
    const folder = await begin(t)
    writeFileSync(`${folder.root}/small`, 'small')
    const huge = spawnSync('truncate', ['-s', '9223372036854771712', `${folder.root}/too-large`]).status === 0
    if (!requireTool(t, huge, 'a file system for files of eight exbibytes')) return
    mkdirSync(`${folder.root}/sum`)
    for (let n = 0; n < 5; n++) spawnSync('truncate', ['-s', String(2 ** 52 - 1), `${folder.root}/sum/${n}`])
    const { report, target, lost } = await thereAndBack(folder)
    assert.deepEqual(
      report.problems.map(({ path, code }) => [path, code]),
      [['too-large', 'unreadable']],
    )
    assert.deepEqual(lost, ['too-large: its content could not be read when the snapshot was taken'])
    assert.equal(lstatSync(`${target}/sum/4`).size, 2 ** 52 - 1)
    assert.equal(describeFile(`${target}/small`), describeFile(`${folder.root}/small`))
    assert.equal(report.snapshot!.root.size, Number.MAX_SAFE_INTEGER)
  })

  test('directories a thousand deep', async (t) => {
    const folder = await begin(t)
    const deep = `${folder.root}${'/d'.repeat(1000)}`
    mkdirSync(deep, { recursive: true })
    writeFileSync(`${deep}/file`, 'at the bottom')
    await assertEqual(folder)
  })

  test('paths longer than the system takes: a problem, and the rest goes on', async (t) => {
    const folder = await begin(t)
    // One directory in another, by names that only the directory above can be told.
    const make = spawnSync(
      process.execPath,
      [
        '-e',
        `const fs = require('node:fs')
         for (let n = 0; n < 45; n++) {
           fs.writeFileSync('file', 'number ' + n)
           fs.symlinkSync('target', 'link')
           fs.mkdirSync('d'.repeat(100))
           process.chdir('d'.repeat(100))
         }`,
      ],
      { cwd: folder.root },
    )
    assert.equal(make.status, 0, String(make.stderr))
    writeFileSync(`${folder.root}/zzz`, 'what comes after it')
    const report = await takeSnapshot(folder)
    assert.deepEqual(
      [...new Set(report.problems.map(({ code }) => code))],
      ['unreadable'],
      JSON.stringify(report.problems),
    )
    assert.ok(report.files > 60)
    const repository = await folder.repository()
    const target = `${folder.root}-restored`
    await restore(repository, report.snapshot!.root, target, { paths: ['zzz'] })
    assert.equal(describeFile(`${target}/zzz`), describeFile(`${folder.root}/zzz`))
    spawnSync('rm', ['-rf', folder.root, target])
  })

  test('ten thousand names of one file', async (t) => {
    const folder = await begin(t)
    writeFileSync(`${folder.root}/first`, 'one file')
    mkdirSync(`${folder.root}/names`)
    for (let n = 0; n < 10_000; n++) linkSync(`${folder.root}/first`, `${folder.root}/names/${n}`)
    const { target, lost, report } = await thereAndBack(folder)
    assert.deepEqual([report.problems, lost], [[], []])
    assert.equal(lstatSync(`${target}/first`).nlink, 10_001)
  })
})

/** One file only: a folder may hold what no reader can walk through. */
function describeFile(path: string): string | undefined {
  return readFolder(path).get('')
}
