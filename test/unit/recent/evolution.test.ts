import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { aggregate, emptyFile, update, type Change, type Producer } from '../../../src/recent/index.ts'
import { MemoryShelf } from '../../suites/memory-shelf.ts'

/**
 * What the Perl program wrote in eight steps, done again: at each moment at which it looked at the clock, ours says
 * what its did. Moments of which it left no trace lie between those of which it did.
 */
const golden = join(import.meta.dirname, '../../golden/recent/10-evolution')

const shelf = new MemoryShelf()
let moments: string[] = []
const producer: Producer = {
  now() {
    const moment = moments.shift()
    assert.ok(moment !== undefined, 'the clock was looked at once too often')
    shelf.clock = Number(moment)
    return moment
  },
  names: { $0: 'produce.pl', 'File::Rsync::Mirror::Recentfile': '0.0.8' },
}

function at(base: string, ...fractions: string[]): void {
  moments = fractions.map((fraction) => `${base}.${fraction}`)
}

function tell(...changes: Change[]): void {
  const before =
    shelf.read('2s') ?? emptyFile({ interval: '2s', aggregator: ['4s', '8s', 'Z'], comment: 'sample tree' })
  shelf.write(update(before, changes, producer))
}

function check(step: string): void {
  assert.deepEqual(moments, [], 'the clock was looked at less often')
  const names = readdirSync(join(golden, step)).filter((name) => name.endsWith('.yaml'))
  assert.deepEqual(
    names.toSorted(),
    [...shelf.files.keys()].map((interval) => `RECENT-${interval}.yaml`).toSorted(),
  )
  for (const name of names) {
    const bytes = shelf.files.get(/-(.*)\./.exec(name)![1]!)!
    assert.equal(
      Buffer.from(bytes).toString('latin1'),
      readFileSync(join(golden, step, name), 'latin1'),
      `${step}/${name}`,
    )
  }
}

test('the history of samples 10-evolution comes out byte for byte', () => {
  assert.equal(globSync('*/', { cwd: golden }).length, 8)

  at('1795293232', '54031', '54042', '5405', '54134', '5415', '54374', '54383')
  tell({ path: 'f1', type: 'new' })
  tell({ path: 'f2', type: 'new' })
  tell({ path: 'f3', type: 'new' })
  check('00-three-new-unmerged')

  // Looking whether to cut the principal; then for each merge its three moments.
  at(
    '1795293232',
    '5440',
    '5441',
    '5450',
    '55455',
    '55459',
    '5550',
    '56001',
    '56004',
    '56391',
    '56405',
    '56408',
  )
  aggregate('2s', shelf, producer)
  check('01-first-aggregate')

  at('1795293234', '77103', '7711', '77797', '7780', '7796', '77968')
  tell({ path: 'f4', type: 'new' })
  tell({ path: 'f1', type: 'delete' })
  tell({ path: 'f2', type: 'new' })
  check('02-t2.2-add-delete-modify')

  at('1795293234', '7800', '7801', '7933', '79511', '7952', '7960')
  aggregate('2s', shelf, producer)
  check('03-second-aggregate')

  at('1795293239', '01641', '0170')
  tell({ path: 'f5', type: 'new' })
  at(
    '1795293239',
    '0180',
    '0181',
    '0300',
    '03114',
    '03128',
    '0320',
    '0400',
    '04322',
    '0434',
    '0440',
    '05043',
    '05073',
    '05079',
  )
  aggregate('2s', shelf, producer)
  check('04-t6.4-third-aggregate')

  at('1795293241', '0600', '0601', '07287', '07516', '07523', '0760')
  aggregate('2s', shelf, producer)
  check('05-t8.4-aggregate-no-change')

  at('1795293246', '08737', '0880')
  tell({ path: 'f6', type: 'new' })
  at(
    '1795293246',
    '0890',
    '0891',
    '0920',
    '09305',
    '09342',
    '0940',
    '0950',
    '09585',
    '09589',
    '0960',
    '09802',
    '09961',
    '09965',
  )
  aggregate('2s', shelf, producer)
  check('06-t13-f6')

  at('1795293255', '1100', '1101', '11915', '11973', '11982')
  aggregate('2s', shelf, producer, { force: true })
  check('07-t22-forced')
})
