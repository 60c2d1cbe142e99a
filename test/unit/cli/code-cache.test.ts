import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { loadModule, moduleWrapper, type LoadedModule } from '../../../src/cli/code-cache.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'

const require = createRequire(import.meta.url)

interface Sampled {
  readonly answer: () => unknown
  readonly other: () => unknown
}

interface Sample {
  load(): LoadedModule
  readonly cache: string
  readonly directory: string
}

/** A module that says what it is given, and whose function is compiled when it is first called. */
function makeSample(t: TestContext): Sample {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'module.cjs')
  writeFileSync(
    file,
    moduleWrapper.join(
      "exports.answer = () => [__filename, __dirname, module.exports === exports, typeof require('node:fs').openSync]\n" +
        "exports.other = () => typeof require('node:os').cpus",
    ),
  )
  const cache = join(directory, 'cache')
  return { directory, cache, load: () => loadModule(file, cache, require) }
}

function check(sample: Sample, fromCache: boolean): LoadedModule {
  const module = sample.load()
  const { answer } = module.exports as Sampled
  assert.deepEqual(answer(), [join(sample.directory, 'module.cjs'), sample.directory, true, 'function'])
  assert.equal(module.fromCache, fromCache)
  return module
}

suite('compiled code that is kept', () => {
  test('is used the next time, and only once it has been saved', (t) => {
    const sample = makeSample(t)
    check(sample, false)
    assert.ok(!existsSync(sample.cache))
    check(sample, false).save()
    check(sample, true).save()
    assert.deepEqual(readdirSync(sample.directory).toSorted(), ['cache', 'module.cjs'])
  })

  test('is kept again when the module has done what it had not done before', (t) => {
    const sample = makeSample(t)
    const module = check(sample, false)
    module.save()
    const first = readFileSync(sample.cache)
    check(sample, true).save()
    assert.deepEqual(readFileSync(sample.cache), first)
    const again = sample.load()
    ;(again.exports as Sampled).other()
    again.save()
    assert.ok(readFileSync(sample.cache).length > first.length)
    assert.equal((module.exports as Sampled).other(), 'function')
    check(sample, true)
  })

  test('is left alone where it is damaged, and made anew', (t) => {
    const sample = makeSample(t)
    check(sample, false).save()
    const whole = readFileSync(sample.cache)
    const flipped = Buffer.from(whole)
    flipped[whole.length >> 1]! ^= 1
    for (const damaged of [Buffer.alloc(0), whole.subarray(0, 20), whole.subarray(0, -1), flipped]) {
      writeFileSync(sample.cache, damaged)
      check(sample, false).save()
      check(sample, true)
    }
  })

  test('is left alone where others might have written it', (t) => {
    const sample = makeSample(t)
    check(sample, false).save()
    for (const mode of [0o620, 0o602]) {
      chmodSync(sample.cache, mode)
      check(sample, false)
    }
    chmodSync(sample.cache, 0o600)
    check(sample, true)
    const link = {
      ...sample,
      load: () => loadModule(join(sample.directory, 'module.cjs'), `${sample.cache}-link`, require),
    }
    symlinkSync(sample.cache, `${sample.cache}-link`)
    check(link, false)
  })

  test('is not taken for that of another name', (t) => {
    const sample = makeSample(t)
    check(sample, false).save()
    const file = join(sample.directory, 'module.cjs')
    const renamed = { ...sample, load: () => loadModule(file, `${sample.cache}-renamed`, require) }
    renameSync(sample.cache, `${sample.cache}-renamed`)
    check(renamed, false)
  })

  test('is done without where it cannot be kept', (t) => {
    const sample = makeSample(t)
    const file = join(sample.directory, 'module.cjs')
    const nowhere = { ...sample, load: () => loadModule(file, join(sample.directory, 'none/cache'), require) }
    check(nowhere, false).save()
    check(nowhere, false)
  })
})
