import { execFile, spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export const mainFile: string = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A directory of its own, with `tidemark` on the PATH and a home, removed when the test ends. */
export class Scene {
  readonly directory: string
  readonly home: string
  readonly environment: NodeJS.ProcessEnv

  constructor(t: TestContext) {
    const top = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-cli-')))
    t.after(() => rmSync(top, { recursive: true, force: true }))
    this.directory = join(top, 'work')
    this.home = join(top, 'home')
    const programs = join(top, 'bin')
    for (const directory of [this.directory, this.home, programs]) mkdirSync(directory)
    const script = join(programs, 'tidemark')
    writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' '${mainFile}' "$@"\n`)
    chmodSync(script, 0o755)
    const {
      NO_COLOR: _no,
      FORCE_COLOR: _force,
      NODE_TEST_CONTEXT: _test,
      INIT_CWD: _npm,
      ...environment
    } = process.env
    // Where Node keeps it anyway, but from the first file on.
    const compiled = join(tmpdir(), 'node-compile-cache')
    const path = `${programs}${delimiter}${process.env['PATH'] ?? ''}`
    this.environment = {
      ...environment,
      PATH: path,
      HOME: this.home,
      LC_ALL: 'C.UTF-8',
      NODE_COMPILE_CACHE: compiled,
    }
  }

  /** Writes a file below the working directory, making the directories it is in. */
  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(this.directory, path)), { recursive: true })
    writeFileSync(join(this.directory, path), content)
  }

  run(
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number | undefined } = {},
  ): Promise<Result> {
    return this.execute(process.execPath, [mainFile, ...args], options)
  }

  /** Runs any program, as `run` runs Tidemark. */
  execute(
    program: string,
    args: readonly string[],
    {
      cwd = this.directory,
      env = {},
      uid,
    }: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number | undefined } = {},
  ): Promise<Result> {
    return new Promise((resolve) => {
      const user = uid === undefined ? {} : { uid, gid: uid }
      const limits = { timeout: 300_000, maxBuffer: 2 ** 26 }
      const options = { cwd, env: { ...this.environment, ...env }, ...limits, ...user }
      const child = execFile(program, args, options, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr })
      })
      child.stdin?.end()
    })
  }

  /** Starts Tidemark and leaves it running; the test must see to its end. */
  start(args: readonly string[]): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, [mainFile, ...args], { cwd: this.directory, env: this.environment })
  }

  /** Runs it with a clock that is two days slow. */
  async okTwoDaysAgo(...args: string[]): Promise<void> {
    const code = 'const now = Date.now; Date.now = () => now() - 172_800_000'
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
    const { code: exit, stderr } = await this.run(args, { env })
    if (exit !== 0) throw new Error(`tidemark ${args.join(' ')} ended with ${exit}: ${stderr}`)
  }

  /** Runs it, and returns its standard output. Throws with what it said when it ends with another code than 0. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args)
    if (code !== 0) throw new Error(`tidemark ${args.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }
}

/** A folder with two snapshots, one of them two days old: notes.txt changed, docs/a.txt became docs/b.txt. */
export async function makeHistory(scene: Scene): Promise<void> {
  scene.write('notes.txt', 'first\nsecond\n')
  scene.write('docs/a.txt', 'the one document that moves from one name to another\n')
  await scene.ok('init')
  await scene.okTwoDaysAgo('snapshot', '-m', 'begin', '--tag', 'start')
  scene.write('notes.txt', 'first\nsecond\nthird\n')
  rmSync(join(scene.directory, 'docs/a.txt'))
  scene.write('docs/b.txt', 'the one document that moves from one name to another\n')
  await scene.ok('snapshot', '-m', 'go on')
}
