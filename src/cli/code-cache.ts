import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { Script } from 'node:vm'

const digestLength = 32

/** A CommonJS module, run from a file. */
export interface LoadedModule {
  readonly exports: unknown
  /** True when nothing had to be compiled. */
  readonly fromCache: boolean
  /** Keeps the code of all functions that have run until now, for the next time; does nothing after `fromCache`. */
  save(): void
}

/**
 * Runs the module in `file`, which must be ASCII, with the compiled code that an earlier run left in `cache`. Node's own
 * compile cache keeps only what is compiled at once, but most functions are compiled when they are first called: so it
 * is these that take the time of a command that is short. `cache` must be another for each text that `file` ever has:
 * V8 takes for the same what is equally long. What is wrong with it is no failure.
 */
export function loadModule(file: string, cache: string, require: NodeJS.Require): LoadedModule {
  const cachedData = readCode(cache)
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(file, 'latin1')}\n})`
  const script = new Script(source, { filename: file, cachedData })
  const module: { exports: unknown } = { exports: {} }
  const run = script.runInThisContext() as (...args: unknown[]) => void
  run(module.exports, require, module, file, dirname(file))
  const fromCache = cachedData !== undefined && script.cachedDataRejected === false
  return {
    exports: module.exports,
    fromCache,
    save: () => {
      if (!fromCache) writeCode(cache, script.createCachedData())
    },
  }
}

/** What {@link writeCode} wrote, whole, and by this user: it is code that V8 runs as it is. */
function readCode(cache: string): Buffer | undefined {
  try {
    const file = openSync(cache, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { uid, mode } = fstatSync(file)
      if (process.getuid?.() !== uid || (mode & 0o022) > 0) return undefined
      const bytes = readFileSync(file)
      const code = bytes.subarray(digestLength)
      return digestOf(cache, code).equals(bytes.subarray(0, digestLength)) ? code : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

/** With its name, as who owns the directory may give it another one. */
function digestOf(cache: string, code: Buffer): Buffer {
  return createHash('sha256').update(basename(cache)).update(code).digest()
}

function writeCode(cache: string, code: Buffer): void {
  const temporary = `${cache}.${process.pid}`
  try {
    writeFileSync(temporary, Buffer.concat([digestOf(cache, code), code]), {
      flag: 'wx',
      mode: 0o600,
    })
    renameSync(temporary, cache)
  } catch {
    try {
      unlinkSync(temporary)
    } catch {
      // It was not made.
    }
  }
}
