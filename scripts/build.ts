import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'

/** Builds dist/ from src/: plain modules and their types, nothing bundled. */
rmSync('dist', { recursive: true, force: true })
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
chmodSync('dist/cli/main.js', 0o755)
