import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmodSync, truncateSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { DirectoryBucket } from '../../../src/store/directory-bucket.ts'
import { temporaryName } from '../../../src/store/temporary-file.ts'
import { bucketSuite, bytesOf, listed, pattern, rejects, textOf } from '../../suites/bucket-suite.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

bucketSuite('directory', (t) => new DirectoryBucket(join(temporaryDirectory(t), 'not', 'made', 'yet')))
bucketSuite('directory, not durable', (t) => new DirectoryBucket(temporaryDirectory(t), { durable: false }))

const quick = { durable: false }

suite('DirectoryBucket', () => {
  test('makes no directory before the first put', async (t) => {
    const root = join(temporaryDirectory(t), 'new')
    const bucket = new DirectoryBucket(root)
    await rejects(bucket.get('a'), 'missing')
    await bucket.delete('a')
    assert.deepEqual(await listed(bucket, ''), [])
    assert.equal(await bucket.sweepTemporary(), 0)
    assert.equal(existsSync(root), false)
  })

  test('is seen by another bucket on the same directory, and leaves no temporary file', async (t) => {
    const root = temporaryDirectory(t)
    await new DirectoryBucket(root).put('a/b', bytesOf('x'))
    assert.equal(textOf(await new DirectoryBucket(root).get('a/b')), 'x')
    assert.deepEqual(readdirSync(join(root, 'tmp')), [])
  })

  test('keeps files from others, and from the group unless the root is open to it', async (t) => {
    for (const [mode, file, directory] of [
      [0o700, 0o600, 0o700],
      [0o755, 0o640, 0o750],
      [0o777, 0o660, 0o770],
    ] as const) {
      const root = temporaryDirectory(t)
      chmodSync(root, mode)
      const before = process.umask(0)
      try {
        await new DirectoryBucket(root, quick).put('d/a', bytesOf('x'))
      } finally {
        process.umask(before)
      }
      assert.equal(statSync(join(root, 'd/a')).mode & 0o777, file)
      assert.equal(statSync(join(root, 'd')).mode & 0o777, directory)
      assert.equal(statSync(join(root, 'tmp')).mode & 0o777, directory)
    }
  })

  test('lists neither links, nor pipes, nor names that no bucket has', async (t) => {
    const outside = temporaryDirectory(t)
    writeFileSync(join(outside, 'secret'), 'x')
    const root = temporaryDirectory(t)
    const bucket = new DirectoryBucket(root, quick)
    await bucket.put('d/a', bytesOf('x'))
    symlinkSync(join(outside, 'secret'), join(root, 'd', 'link'))
    symlinkSync(outside, join(root, 'linked'))
    symlinkSync('nowhere', join(root, 'dangling'))
    symlinkSync('.', join(root, 'd', 'loop'))
    writeFileSync(join(root, 'UPPER'), 'x')
    writeFileSync(join(root, '.hidden'), 'x')
    writeFileSync(Buffer.concat([Buffer.from(root), Buffer.from([0x2f, 0xff, 0xfe])]), 'x')
    writeFileSync(join(root, 'tmp', 'unfinished'), 'x')
    mkdirSync(join(root, 'No'))
    writeFileSync(join(root, 'No', 'a'), 'x')
    assert.equal(spawnSync('mkfifo', [join(root, 'd', 'pipe')]).status, 0)
    assert.deepEqual(await listed(bucket, ''), [{ name: 'd/a', size: 1 }])
    assert.deepEqual(await listed(bucket, 'linked/'), [])
    assert.deepEqual(await listed(bucket, 'd/loop/'), [])
    await rejects(bucket.get('d/link'), 'failed')
    await rejects(bucket.get('d/pipe'), 'failed')
    await bucket.put('d/link', bytesOf('mine'))
    assert.equal(textOf(await bucket.get('d/link')), 'mine')
    assert.deepEqual(readdirSync(outside), ['secret'])
    assert.equal(statSync(join(outside, 'secret')).size, 1)
  })

  test('refuses a name that would be a file and a directory', async (t) => {
    const root = temporaryDirectory(t)
    const bucket = new DirectoryBucket(root, quick)
    await bucket.put('a', bytesOf('x'))
    await bucket.put('d/e/f', bytesOf('x'))
    await rejects(bucket.put('a/b', bytesOf('y')), 'usage')
    await rejects(bucket.put('a/b/c', bytesOf('y')), 'usage')
    await rejects(bucket.put('d/e', bytesOf('y')), 'usage')
    assert.equal(textOf(await bucket.get('a')), 'x')
    assert.deepEqual(readdirSync(join(root, 'tmp')), [])
    await bucket.delete('a')
    await bucket.put('a/b', bytesOf('y'))
    assert.equal(textOf(await bucket.get('a/b')), 'y')
  })

  test('refuses a root that is a file', async (t) => {
    const root = join(temporaryDirectory(t), 'file')
    writeFileSync(root, 'x')
    await rejects(new DirectoryBucket(root).put('a', bytesOf('x')), 'usage')
    await rejects(new DirectoryBucket(join(root, 'below')).put('a', bytesOf('x')), 'usage')
  })

  test('puts again where its directories were removed', async (t) => {
    const root = temporaryDirectory(t)
    const bucket = new DirectoryBucket(root, quick)
    await bucket.put('d/e/a', bytesOf('x'))
    renameSync(join(root, 'd'), join(root, 'gone'))
    await rejects(bucket.put('d/e/a', bytesOf('y')), 'unavailable')
    await bucket.put('d/e/a', bytesOf('y'))
    assert.equal(textOf(await bucket.get('d/e/a')), 'y')
    assert.deepEqual(readdirSync(join(root, 'tmp')), [])
  })

  test('does not take the mount point of a lost disk for an empty bucket', async (t) => {
    const disk = join(temporaryDirectory(t), 'disk')
    await new DirectoryBucket(disk).put('d/a', bytesOf('x'))
    const writer = new DirectoryBucket(disk)
    const reader = new DirectoryBucket(disk)
    await writer.put('d/b', bytesOf('x'))
    await rejects(reader.get('d/other'), 'missing')
    for (const isEmptyDirectory of [false, true]) {
      renameSync(disk, `${disk}-away`)
      if (isEmptyDirectory) mkdirSync(disk)
      for (const bucket of [writer, reader]) {
        await rejects(bucket.get('d/a'), 'unavailable')
        await rejects(bucket.put('d/c', bytesOf('x')), 'unavailable')
        await rejects(bucket.put('c', bytesOf('x')), 'unavailable')
        await rejects(bucket.delete('d/a'), 'unavailable')
        await rejects(listed(bucket, ''), 'unavailable')
      }
      assert.equal(existsSync(disk), isEmptyDirectory)
      if (isEmptyDirectory) assert.deepEqual(readdirSync(disk), [])
      renameSync(`${disk}-away`, disk)
      for (const bucket of [writer, reader]) assert.equal(textOf(await bucket.get('d/a')), 'x')
    }
  })

  test('does not end a listing as complete when the disk is lost midway', async (t) => {
    const disk = join(temporaryDirectory(t), 'disk')
    const bucket = new DirectoryBucket(disk, quick)
    for (const name of ['a/x', 'b/x', 'c/x']) await bucket.put(name, bytesOf('x'))
    await rejects(
      (async () => {
        for await (const _ of bucket.list('')) if (existsSync(disk)) renameSync(disk, `${disk}-away`)
      })(),
      'unavailable',
    )
  })

  test('rejects denied where it may not write', async (t) => {
    const root = temporaryDirectory(t)
    await new DirectoryBucket(root, quick).put('d/a', bytesOf('x'))
    chmodSync(join(root, 'tmp'), 0o500)
    chmodSync(join(root, 'd'), 0o500)
    // Root is above permissions: the work is done by a process of another user.
    const code = `
      const { DirectoryBucket } = await import(process.argv[1])
      if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534) }
      const bucket = new DirectoryBucket(process.argv[2])
      const code = (error) => error.code
      console.log(await bucket.put('d/b', new Uint8Array(1)).then(() => 'done', code))
      console.log(await bucket.delete('d/a').then(() => 'done', code))
      console.log(await bucket.get('d/a').then((bytes) => bytes.length, code))`
    if (process.getuid?.() === 0) chmodSync(root, 0o711)
    const module = new URL('../../../src/store/directory-bucket.ts', import.meta.url).href
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', code, module, root],
      {
        encoding: 'utf8',
      },
    )
    const expected = process.getuid?.() === 0 ? 'denied' : '1'
    assert.deepEqual(stdout.trim().split('\n'), ['denied', 'denied', expected], stderr)
  })

  test('rejects corrupt when a file is cut while it is read', async (t) => {
    const root = temporaryDirectory(t)
    const bucket = new DirectoryBucket(root, quick)
    await bucket.put('a', pattern(100))
    truncateSync(join(root, 'a'), 50)
    await rejects(bucket.get('a', { range: { start: 40, end: 60 } }), 'corrupt')
    assert.equal((await bucket.get('a')).length, 50)
  })

  test('removes the temporary file of a put that was cancelled midway', async (t) => {
    const root = temporaryDirectory(t)
    const bucket = new DirectoryBucket(root)
    await bucket.put('a', bytesOf('old'))
    const controller = new AbortController()
    const putting = bucket.put('a', pattern(1_000_000), { signal: controller.signal })
    await Promise.resolve()
    await Promise.resolve()
    assert.equal(readdirSync(join(root, 'tmp')).length, 1, 'the put has begun')
    controller.abort()
    await rejects(putting, 'cancelled')
    assert.equal(textOf(await bucket.get('a')), 'old')
    assert.deepEqual(readdirSync(join(root, 'tmp')), [])
  })

  test('lets the event loop go on while it syncs and while it lists', async (t) => {
    const bucket = new DirectoryBucket(temporaryDirectory(t))
    await bucket.put('warm', bytesOf('x'))
    let turns = 0
    const done = new AbortController()
    t.after(() => done.abort())
    const counting = (async () => {
      for (; !done.signal.aborted; turns++) await setImmediate()
    })()
    await bucket.put('a', pattern(1_000_000))
    assert.ok(turns > 0, 'the loop turned during a put')
    for (let at = 0; at < 1100; at++) writeFileSync(join(bucket.root, `n${at}`), '')
    turns = 0
    assert.equal((await listed(bucket, 'n')).length, 1100)
    assert.ok(turns > 1, 'the loop turned during a listing')
    done.abort()
    await counting
  })
})

suite('DirectoryBucket: temporary files', () => {
  test('sweeps those of ended processes only, and by itself at the first put', async (t) => {
    const root = temporaryDirectory(t)
    await new DirectoryBucket(root, quick).put('a', bytesOf('x'))
    const tmp = join(root, 'tmp')
    const leave = (name: string): void => writeFileSync(join(tmp, name), 'x')
    const dead = temporaryNameOfEndedProcess()
    const own = temporaryName()
    const earlier = own.replace(/^([0-9a-f]+-[0-9]+)-[0-9]+-/, '$1-1-')
    const elsewhere = `00000000-${dead.slice(9)}`
    for (const name of [dead, own, earlier, elsewhere, 'else']) leave(name)
    const kept = [elsewhere, own, 'else'].toSorted()
    assert.equal(await new DirectoryBucket(root).sweepTemporary(), 2)
    assert.deepEqual(readdirSync(tmp).toSorted(), kept)
    leave(dead)
    await new DirectoryBucket(root, quick).put('b', bytesOf('x'))
    assert.deepEqual(readdirSync(tmp).toSorted(), kept)
  })

  test('takes the files of another thread for those of a living process', async (t) => {
    const root = temporaryDirectory(t)
    await new DirectoryBucket(root, quick).put('a', bytesOf('x'))
    const module = new URL('../../../src/store/temporary-file.ts', import.meta.url).href
    const worker = new Worker(
      `import('${module}').then(({ temporaryName }) => require('node:worker_threads').parentPort.postMessage(temporaryName()))`,
      { eval: true },
    )
    const name = await new Promise<string>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject)
    })
    await worker.terminate()
    writeFileSync(join(root, 'tmp', name), 'x')
    assert.equal(await new DirectoryBucket(root).sweepTemporary(), 0)
  })
})

/** The name that a process of this host, which has ended by now, would have given. */
function temporaryNameOfEndedProcess(): string {
  const module = new URL('../../../src/store/temporary-file.ts', import.meta.url).href
  const code = 'console.log((await import(process.argv[1])).temporaryName())'
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code, module], {
    encoding: 'utf8',
  })
  return stdout.trim()
}
