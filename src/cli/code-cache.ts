import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { Script } from 'node:vm'

/** A CommonJS module, run from a file. */
export interface LoadedModule {
  readonly exports: unknown
  /** True when nothing had to be compiled. */
  readonly fromCache: boolean
  /**
   * Keeps the code of all functions that have run until now, for the next time. Does nothing after `fromCache`, unless the module
   * has required what it had not before: then it has done something else than it did then.
   */
  save(): void
}

/** What a file must be in, as {@link loadModule} puts nothing around it: V8 would copy all of it once more. */
export const moduleWrapper: readonly [string, string] = [
  '(function(exports,require,module,__filename,__dirname){',
  '\n})',
]

/**
 * Runs the module in `file`, which must be ASCII and in {@link moduleWrapper}, with the compiled code that an earlier run
 * left in `cache`, if any is named. Node's own compile cache keeps only what is compiled at once, but most functions
 * are compiled when they are first called: so it is these that take the time of a command that is short. `cache` must be
 * another for each text that `file` ever has: V8 takes for the same what is equally long. What is wrong with it is no failure.
 */
export function loadModule(file: string, cache: string | undefined, require: NodeJS.Require): LoadedModule {
  const kept = cache === undefined ? undefined : readCode(cache)
  const script = new Script(readFileSync(file, 'latin1'), { filename: file, cachedData: kept?.code })
  const module: { exports: unknown } = { exports: {} }
  const required = new Set(kept?.required)
  const requireNoting = (id: string): unknown => {
    required.add(id)
    return require(id)
  }
  const run = script.runInThisContext() as (...args: unknown[]) => void
  run(module.exports, requireNoting, module, file, dirname(file))
  const fromCache = kept !== undefined && script.cachedDataRejected === false
  return {
    exports: module.exports,
    fromCache,
    save: () => {
      if (cache === undefined || (fromCache && required.size === kept.required.length)) return
      writeCode(cache, { required: [...required], code: script.createCachedData() })
    },
  }
}

interface KeptCode {
  /** What the module had required when it was kept. */
  readonly required: readonly string[]
  readonly code: Buffer
}

/**
 * What {@link writeCode} wrote, whole, and by this user: it is code that V8 runs as it is, and dies of if it is damaged.
 * So it is there twice: to compare both takes no time, but Node takes longer to get ready to hash than most commands work.
 */
function readCode(cache: string): KeptCode | undefined {
  try {
    const file = openSync(cache, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { uid, mode } = fstatSync(file)
      if (process.getuid?.() !== uid || (mode & 0o022) > 0) return undefined
      const bytes = readFileSync(file)
      const [name, ...required] = bytes.toString('latin1', 0, bytes.indexOf('\n')).split(' ')
      const start = titleOf(cache, required).length
      const middle = (start + bytes.length) / 2
      const code = bytes.subarray(start, middle)
      const isWhole = code.length > 0 && code.equals(bytes.subarray(middle))
      return isWhole && name === basename(cache) ? { required, code } : undefined
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

/** The file's name, as who owns the directory may give it another one. It ends where V8 wants what follows. */
function titleOf(cache: string, required: readonly string[]): Buffer {
  const title = Buffer.from(`${[basename(cache), ...required].join(' ')}\n`)
  return Buffer.concat([title, Buffer.alloc(-title.length & 7)])
}

function writeCode(cache: string, { required, code }: KeptCode): void {
  const temporary = `${cache}.${process.pid}`
  try {
    const file = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(file, Buffer.concat([titleOf(cache, required), code, code]))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, cache)
  } catch {
    try {
      unlinkSync(temporary)
    } catch {
      // It was not made.
    }
  }
}
