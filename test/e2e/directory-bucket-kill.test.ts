import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DirectoryBucket } from '../../src/store/directory-bucket.ts'
import { seededRandom } from '../suites/random.ts'
import { temporaryDirectory } from '../suites/temporary-directory.ts'
import { numberInWhole } from './writer-process.ts'

interface Reported {
  readonly begun: Map<string, number>
  readonly done: Map<string, number>
}

const rounds = 10 * Number(process.env['TIDEMARK_FUZZ'] ?? 1)

suite('DirectoryBucket, its writer killed', () => {
  for (const durability of ['durable', 'quick']) {
    test(`holds what was reported, and nothing by halves (${durability})`, async (t) => {
      const root = temporaryDirectory(t)
      const seed = Date.now() % 1_000_000
      t.diagnostic(`seed ${seed}`)
      const random = seededRandom(seed)
      let interrupted = 0
      let unfinished = 0
      let puts = 0
      // Kills between two puts would prove nothing: it goes on until some have hit the very writing.
      for (let round = 0; round < rounds || (unfinished === 0 && round < 30 * rounds); round++) {
        const reported = await killWriter(root, seed + round, durability, random)
        for (const [name, number] of reported.begun) if (reported.done.get(name) !== number) interrupted++
        // There is none while nothing has been put yet.
        if (existsSync(join(root, 'tmp'))) unfinished += readdirSync(join(root, 'tmp')).length
        puts += reported.done.size
        await checkWhole(root, reported)
      }
      assert.ok(interrupted >= rounds, `${interrupted} puts were interrupted`)
      assert.ok(unfinished > 0, `${unfinished} temporary files were left`)
      assert.ok(puts > rounds, `${puts} puts were done`)

      await new DirectoryBucket(root).put('last', new Uint8Array(1))
      assert.deepEqual(readdirSync(join(root, 'tmp')), [], 'what the dead left is swept')
    })
  }
})

/** Starts a writer on `root`, kills it at some moment, and returns what it had said. */
async function killWriter(
  root: string,
  seed: number,
  durability: string,
  random: () => number,
): Promise<Reported> {
  const script = fileURLToPath(new URL('writer-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, root, String(seed), durability], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  const enough = Math.floor(random() * 40) + 3
  const started = new Promise<void>((resolve) => {
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      said += text
      if (said.split('\n').length > enough) resolve()
    })
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('close', (_code, signal) => resolve(signal))
  })
  await Promise.race([started, ended])
  await setTimeout(random() * 15)
  child.kill('SIGKILL')
  assert.equal(await ended, 'SIGKILL', 'the writer was running when it was killed')

  const reported: Reported = { begun: new Map(), done: new Map() }
  // The last line may be cut off: what it says was not said.
  for (const line of said.split('\n').slice(0, -1)) {
    const [what, name, number] = line.split(' ')
    const side = what === 'begin' ? reported.begun : reported.done
    side.set(name!, Number(number))
  }
  return reported
}

async function checkWhole(root: string, { begun, done }: Reported): Promise<void> {
  const bucket = new DirectoryBucket(root)
  for (const [name, number] of done) {
    const found = numberInWhole(await bucket.get(name))
    if (name === 'ref') assert.ok(found === number || found === begun.get(name), `ref ${found}`)
    else assert.equal(found, number, name)
  }
  for await (const { name, size } of bucket.list('')) {
    const bytes = await bucket.get(name)
    assert.equal(bytes.length, size)
    assert.notEqual(numberInWhole(bytes), undefined, `${name} is whole`)
  }
}
