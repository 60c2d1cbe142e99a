import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { parseRange } from '../../../src/exchange/range.ts'
import { serveWeb } from '../../../src/cli/web-server.ts'
import { requireTool } from '../../require.ts'
import { postgresPrograms, startPostgres } from '../../suites/postgresql.ts'
import { Scene } from './tidemark.ts'

function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, at) => `line ${from + at}\n`).join('')
}

const [onlyA, onlyB] = [
  ['- line 0', '- line 1'],
  ['+ line 1000', '+ line 1001', '+ line 1002'],
]

/** Lists 0 … 999 and 2 … 1002. */
function twoLists(scene: Scene): void {
  scene.write('a.txt', lines(0, 1000))
  scene.write('b.txt', lines(2, 1003))
}

suite('tidemark reconcile', () => {
  test('compares files of lines, and standard input', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    const { code, stdout, stderr } = await scene.run(['reconcile', 'a.txt', 'b.txt'])
    assert.equal(code, 0)
    assert.deepEqual(stdout.trimEnd().split('\n'), [...onlyA, ...onlyB])
    assert.match(stderr, /^2 only in A, 3 only in B; 2 round trips, 1\.\d\d KiB\n$/)
    const piped = await scene.execute('bash', ['-c', 'tidemark reconcile - a.txt < b.txt'])
    assert.equal(piped.stdout.split('\n').length, 6)
    const json = JSON.parse(await scene.ok('reconcile', '--json', 'b.txt', 'a.txt')) as Record<
      string,
      unknown
    >
    assert.deepEqual((json['onlyB'] as string[]).toSorted(), ['line 0', 'line 1'])
    assert.equal(json['way'], 'sketch')
    assert.equal(json['proven'], true)
  })

  test('says when they are equal, and ends with 8 when asked and they are not', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    const same = await scene.run(['reconcile', '--exit-code', 'a.txt', 'a.txt'])
    assert.equal(same.code, 0)
    assert.equal(same.stdout, '')
    assert.match(same.stderr, /^equal; 1 round trip, 0 B\n$/)
    assert.equal((await scene.run(['reconcile', '--exit-code', 'a.txt', 'b.txt'])).code, 8)
  })

  test('compares directories by path and content', async (t) => {
    const scene = new Scene(t)
    for (const side of ['x', 'y']) {
      scene.write(`${side}/same.txt`, 'same')
      scene.write(`${side}/deep/below/changed.txt`, side)
      scene.write(`${side}/moved.txt`, 'moved')
    }
    renameSync(join(scene.directory, 'y/moved.txt'), join(scene.directory, 'y/elsewhere.txt'))
    symlinkSync('same.txt', join(scene.directory, 'x/link'))
    const output = await scene.ok('reconcile', 'x', 'y')
    assert.deepEqual(output.trimEnd().split('\n'), [
      '- deep/below/changed.txt',
      '- link',
      '- moved.txt',
      '+ deep/below/changed.txt',
      '+ elsewhere.txt',
    ])
  })

  test('compares with sketch files, from either side, and two of them', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    const salt = '0'.repeat(31) + '1'
    await scene.ok('sketch', 'build', 'b.txt', '-o', 'b.sketch', '--salt', salt)
    const output = await scene.ok('reconcile', 'a.txt', 'b.sketch')
    assert.match(output, /^- line 0\n- line 1\n(\+ id:[0-9a-f]{16}\n){3}$/)
    assert.match(
      await scene.ok('reconcile', 'b.sketch', 'a.txt'),
      /^(- id:[0-9a-f]{16}\n){3}\+ line 0\n\+ line 1\n$/,
    )
    await scene.ok('sketch', 'build', 'a.txt', '-o', 'a.sketch', '--salt', salt, '--cells', '60')
    assert.match(await scene.ok('reconcile', 'a.sketch', 'b.sketch'), /^(\? id:[0-9a-f]{16}\n){5}$/)
    await scene.ok('sketch', 'build', 'a.txt', '-o', 'other.sketch')
    const { code, stderr } = await scene.run(['reconcile', 'other.sketch', 'b.sketch'])
    assert.equal(code, 2)
    assert.match(stderr, /their salts differ/)
    scene.write('small.txt', 'one\n')
    assert.equal((await scene.run(['reconcile', 'small.txt', 'a.sketch'])).code, 7)
  })

  test('compares with a sketch file on a web server, reading no more of it than it needs', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    const salt = ['--salt', '1'.repeat(32)]
    await scene.ok('sketch', 'build', 'b.txt', '-o', 'b.sketch', '--differences', '20000', ...salt)
    const bytes = readFileSync(join(scene.directory, 'b.sketch'))
    let sent = 0
    const server = await serveWeb(
      async (request) => {
        const range = parseRange(request.headers.get('range'), bytes.length)
        if (range === undefined || range === 'none') return new Response(null, { status: 416 })
        sent += range.to - range.from
        return new Response(bytes.subarray(range.from, range.to), { status: 206, headers: { etag: '"1"' } })
      },
      { host: '127.0.0.1', port: 0 },
    )
    t.after(() => server.close())
    const output = await scene.ok('reconcile', 'a.txt', `${server.url}b.sketch`)
    assert.match(output, /^- line 0\n- line 1\n(\+ id:[0-9a-f]{16}\n){3}$/)
    assert.ok(bytes.length > 200_000)
    assert.ok(sent < 2500, `${sent} bytes`)
    scene.write('c.txt', lines(400, 1400))
    await scene.ok('reconcile', 'c.txt', `${server.url}b.sketch`)
    assert.ok(sent < 30_000, `${sent} bytes`)
  })

  test('compares tables with lists, and tables with tables', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    const instance = await DuckDBInstance.create(join(scene.directory, 'data.db'))
    const connection = await instance.connect()
    await connection.run(
      "CREATE TABLE names AS SELECT 'line ' || i AS name, i FROM range(2, 1003) AS numbers (i)",
    )
    connection.closeSync()
    instance.closeSync()
    const table = 'duckdb:data.db#names.name'
    assert.deepEqual((await scene.ok('reconcile', 'a.txt', table)).trimEnd().split('\n'), [
      ...onlyA,
      ...onlyB,
    ])
    const query = 'duckdb:data.db#SELECT encode(name) AS item FROM names WHERE i < 1000'
    assert.deepEqual((await scene.ok('reconcile', query, 'a.txt')).trimEnd().split('\n'), [
      '+ line 0',
      '+ line 1',
    ])
    assert.deepEqual((await scene.ok('reconcile', query, table)).trimEnd().split('\n'), onlyB)
    await scene.ok('sketch', 'build', table, '-o', 'table.sketch')
    assert.match(await scene.ok('reconcile', 'b.txt', 'table.sketch'), /^$/)
    const wrong = await scene.run(['reconcile', 'a.txt', 'duckdb:data.db#nothing.name'])
    assert.equal(wrong.code, 7)
    assert.match(wrong.stderr, /nothing/)
  })

  test('compares a PostgreSQL table with a list', async (t) => {
    const programs = postgresPrograms()
    if (!requireTool(t, programs !== undefined, 'PostgreSQL is not installed')) return
    const scene = new Scene(t)
    twoLists(scene)
    const client = await startPostgres(t, programs!)
    await client.query("CREATE TABLE names AS SELECT 'line ' || i AS name FROM generate_series(2, 1002) AS i")
    const url = `postgres:///postgres?host=${encodeURIComponent(client.host)}&user=test#names.name`
    assert.deepEqual((await scene.ok('reconcile', 'a.txt', url)).trimEnd().split('\n'), [...onlyA, ...onlyB])
  })

  test('refuses what is no set, in one line', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    scene.write('bad.sketch', 'TMSK and then nothing')
    for (const [args, code] of [
      [['a.txt', 'missing.txt'], 4],
      [['a.txt', 'bad.sketch'], 5],
      [['http://127.0.0.1:9/', 'a.txt'], 7],
      [['http://127.0.0.1:9/', 'http://127.0.0.1:9/'], 2],
      [['a.txt', 'duckdb:missing.db#t.c'], 7],
      [['a.txt', 'duckdb:#t'], 2],
    ] as const) {
      const result = await scene.run(['reconcile', ...args])
      assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`)
      assert.match(result.stderr, /^[^\n]+\n$/)
    }
  })
})

suite('tidemark sketch', () => {
  test('shards merge into the sketch of the whole', async (t) => {
    const scene = new Scene(t)
    const salt = 'ab'.repeat(16)
    scene.write('one.txt', lines(0, 300))
    scene.write('two.txt', lines(300, 1000))
    scene.write('all.txt', lines(0, 1000))
    for (const name of ['one', 'two', 'all']) {
      const out = await scene.ok(
        'sketch',
        'build',
        `${name}.txt`,
        '-o',
        `${name}.sketch`,
        '--salt',
        salt,
        '--differences',
        '50',
      )
      assert.match(out, /items, \d+ cells, [\d.]+ KiB: /)
    }
    await scene.ok('sketch', 'merge', 'one.sketch', 'two.sketch', '-o', 'merged.sketch')
    const same = await scene.execute('cmp', ['merged.sketch', 'all.sketch'])
    assert.equal(same.code, 0)
    const info = await scene.ok('sketch', 'info', 'merged.sketch')
    assert.match(info, /^items +1000$/m)
    assert.match(info, new RegExp(`^salt +${salt}$`, 'm'))
    assert.match(info, /^differences +50$/m)
  })
})

suite('tidemark serve', () => {
  test('serves a set that others reconcile with, until it is stopped', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    const server = scene.start(['serve', '--set', 'b.txt'])
    t.after(() => server.kill('SIGKILL'))
    const [first] = (await once(createInterface(server.stdout), 'line')) as [string]
    const url = first.slice(first.indexOf('http'))
    const output = await scene.ok('reconcile', 'a.txt', url)
    assert.deepEqual(output.trimEnd().split('\n'), [...onlyA, ...onlyB])
    assert.deepEqual((await scene.ok('reconcile', url, 'b.txt')).trimEnd(), '')
    rmSync(join(scene.directory, 'b.txt'))
    assert.match((await scene.run(['reconcile', 'a.txt', `${url}other/`])).stdout, /line 1002/)
    server.kill('SIGINT')
    const [code] = (await once(server, 'exit')) as [number]
    assert.equal(code, 130)
  })

  test('refuses an address that is taken or makes no sense', async (t) => {
    const scene = new Scene(t)
    twoLists(scene)
    assert.equal((await scene.run(['serve', '--set', 'a.txt', '--listen', 'nonsense'])).code, 2)
    assert.equal((await scene.run(['serve'])).code, 2)
    const server = scene.start(['serve', '--set', 'b.txt'])
    t.after(() => server.kill('SIGKILL'))
    const [first] = (await once(createInterface(server.stdout), 'line')) as [string]
    const { port } = new URL(first.slice(first.indexOf('http')))
    assert.notEqual((await scene.run(['serve', '--set', 'a.txt', '--listen', port])).code, 0)
    server.kill('SIGINT')
    await once(server, 'exit')
  })
})
