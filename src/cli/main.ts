#!/usr/bin/env node
import nodeModule from 'node:module'
import { version } from '../version.ts'

const argv = process.argv.slice(2)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (argv[0] === '--version' || argv[0] === '-V') {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return
    process.stderr.write(`tidemark: standard output: ${message}\n`)
    process.exitCode = 7
  })
  process.stdout.write(`tidemark ${version}\n`)
} else if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`tidemark: needs Node 22.18 or newer; this is ${process.versions.node}\n`)
  process.exitCode = 7
} else {
  nodeModule.enableCompileCache()
  // Node prints a warning for node:sqlite and for running TypeScript; neither is of use to whoever runs this.
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`)
  })
  void run()
}

async function run(): Promise<void> {
  const { runProgram } = await import('./program.ts')
  process.exitCode = await runProgram(argv)
  // It ends by itself, unless a command left something open: that may not keep it, as all its work is done, all its output
  // written. Not at once by process.exit(), which now and then waits for ever for threads that compile, and these for
  // memory that only this thread could collect (https://github.com/nodejs/node/issues/54918).
  setTimeout(() => process.exit(), 250).unref()
}
