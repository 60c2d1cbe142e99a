#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { version } from '../version.ts'

const argv = process.argv.slice(2)

if (argv[0] === '--version' || argv[0] === '-V') {
  process.stdout.write(`tidemark ${version}\n`)
} else {
  enableCompileCache()
  // What a walk leaves behind is short-lived: left to itself the heap's nursery would grow by 50 MB for it.
  setFlagsFromString('--semi-space-growth-factor=1')
  // Node prints a warning for node:sqlite and for running TypeScript; neither is of use to whoever runs this.
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`)
  })
  const { runProgram } = await import('./program.ts')
  // Nothing that a command left open may keep the process: all its work is done, all its output written.
  process.exit(await runProgram(argv))
}
