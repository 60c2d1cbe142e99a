import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { seededRandom } from '../../suites/random.ts'
import { copiesAt, syncCopies } from '../../suites/synced-folders.ts'
import { temporaryDirectory } from '../../suites/temporary-directory.ts'
import { startVictim } from '../../suites/victim.ts'

const rounds = Math.ceil(6 * Number(process.env['TIDEMARK_FUZZ'] ?? 1))
const noGuard = { guard: { maxVanishing: 1 } }
const script = new URL('syncing-process.ts', import.meta.url)

function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('.tidemark') && statSync(join(root, path)).isFile())
    .toSorted()
}

function contentsIn(root: string): Map<string, string> {
  return new Map(filesIn(root).map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

let token = 0

/** Writes, moves and deletes files; returns what was written and still stands. */
function edit(root: string, random: () => number): void {
  const files = filesIn(root)
  const pick = (): string => files[Math.floor(random() * files.length)] ?? 'f0'
  for (let n = 0; n < 60; n++) {
    const path = random() < 0.5 ? `d${Math.floor(random() * 6)}/f${Math.floor(random() * 20)}` : pick()
    const action = random()
    try {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      if (action < 0.7) writeFileSync(join(root, path), `${token++} ${'x'.repeat(random() ** 8 * 200_000)}`)
      else if (action < 0.85) renameSync(join(root, path), join(root, pick()))
      else rmSync(join(root, path), { force: true })
    } catch {
      // The path is taken by something else, or is gone.
    }
  }
}

/** Syncs in a process of its own that is killed at some moment; whether it was in the middle of writing files. */
async function killSync(roots: readonly string[], random: () => number): Promise<boolean> {
  const { child, begun, ended } = startVictim(script, roots)
  let said = ''
  child.stdout!.on('data', (data: Buffer) => (said += data.toString()))
  await begun
  await setTimeout(random() ** 3 * 60)
  child.kill('SIGKILL')
  return (await ended) === 'SIGKILL' && said.includes('begun') && !said.includes('done')
}

async function run(t: TestContext, history: 'kept' | 'none'): Promise<void> {
  const place = temporaryDirectory(t)
  const roots = ['one', 'two'].map((name) => join(place, name))
  const random = seededRandom(history.length)
  let hits = 0
  for (const copy of await copiesAt(roots, history)) await copy.close()
  for (let round = 0; round < rounds; round++) {
    const before = new Set(roots.flatMap((root) => [...contentsIn(root).values()]))
    for (const root of roots) edit(root, random)
    const written = roots
      .flatMap((root) => [...contentsIn(root).values()])
      .filter((text) => !before.has(text))
    for (let n = 0; n < 3; n++) if (await killSync(roots, random)) hits++
    const [one, two] = await copiesAt(roots, history)
    const { done } = await syncCopies(one!, two!, noGuard)
    assert.ok(done)
    const [first, second] = roots.map(contentsIn)
    assert.deepEqual(first, second)
    const left = new Set(first!.values())
    for (const text of written) assert.ok(left.has(text), `what was written is gone: ${text.slice(0, 20)}`)
    await one!.close()
    await two!.close()
  }
  assert.ok(hits >= rounds, `${hits} kills hit a sync that was writing files`)
}

suite('a sync that is killed', () => {
  for (const history of ['kept', 'none'] as const) {
    test(`loses nothing that was written, and is taken up again (history ${history})`, (t) => run(t, history))
  }
})
