import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { isTidemarkError } from '../../../src/errors.ts'
import { DirectoryBucket } from '../../../src/store/directory-bucket.ts'
import { openBucket } from '../../../src/store/open-bucket.ts'
import { bucketSuite, bytesOf, rejects } from '../../suites/bucket-suite.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

bucketSuite('opened by path', (t) => openBucket(join(temporaryDirectory(t), 'repository')))

suite('openBucket', () => {
  test('opens a path and a file URL, and makes nothing yet', async (t) => {
    const path = join(temporaryDirectory(t), 'with space é %41 #?')
    for (const place of [path, pathToFileURL(path).href, pathToFileURL(path).href.replace('file', 'FILE')]) {
      const bucket = await openBucket(place)
      assert.ok(bucket instanceof DirectoryBucket)
      assert.equal(bucket.root, path)
    }
    assert.equal(existsSync(path), false)
    await (await openBucket(path)).put('a', bytesOf('x'))
    assert.ok(existsSync(join(path, 'a')))
  })

  test('takes a relative path from the working directory', async () => {
    const bucket = await openBucket('./a:b/c')
    assert.ok(bucket instanceof DirectoryBucket)
    assert.equal(bucket.root, join(process.cwd(), 'a:b/c'))
    assert.equal((await openBucket('a/b:c')) instanceof DirectoryBucket, true)
  })

  test('rejects usage for other kinds of places, and says which there are', async () => {
    const places = ['s3://bucket/name', 'ftp://x', 'nonsense://', 's3:bucket', 'host:path', 'user@host:/path']
    for (const place of [...places, 'file://host/path', 'file:///a%2fb', 'file:x', '', 'a\0b']) {
      await rejects(openBucket(place), 'usage')
    }
    const error = await openBucket('gopher://x/y').catch((error: unknown) => error)
    assert.ok(isTidemarkError(error, 'usage'))
    assert.equal(error.message, 'gopher://x/y: no such kind of place as "gopher" (a path or file:///path)')
  })
})
