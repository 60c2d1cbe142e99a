import { spawnSync } from 'node:child_process'

/**
 * `npm test`: types, lint and format, then every test from source. With TIDEMARK_REQUIRE_ALL=1 a test that
 * lacks a tool fails instead of skipping.
 */
function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

run('npm', ['run', '--silent', 'check'])
// Some tests tell modes of files that they have only written.
process.umask(0o022)
const files = process.argv.slice(2)
run(process.execPath, [
  ...(process.env['TIDEMARK_FUZZ'] === undefined ? ['--import=./test/fixed-seed.ts'] : []),
  '--test',
  '--test-concurrency=2',
  ...(files.length > 0 ? files : ['test/**/*.test.ts']),
])
