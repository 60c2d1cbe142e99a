import { readFileSync, writeFileSync } from 'node:fs'

/*
 * Adds to package-lock.json the optional packages of other platforms that npm left out. It does so silently
 * when its registry does not have them (a mirror may not), and then `npm ci` refuses the lock. Run this after
 * `npm install`.
 */

interface LockEntry {
  version?: string
  optional?: boolean
  dev?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const processors = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'x64',
  'wasm32',
]

/** What such packages are made for is in their names. */
function platformOf(name: string): LockEntry {
  const parts = name.split(/[/-]/)
  const entry: LockEntry = {}
  const system = systems.find((one) => parts.includes(one))
  const processor = processors.find((one) => parts.includes(one))
  if (system !== undefined) entry.os = [system]
  if (processor !== undefined) entry.cpu = [processor]
  if (parts.some((part) => part.startsWith('musl'))) entry.libc = ['musl']
  else if (parts.some((part) => part.startsWith('gnu'))) entry.libc = ['glibc']
  return entry
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockEntry> }
const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {}, dev }]) =>
  path === ''
    ? []
    : Object.entries(optionalDependencies)
        .filter(([name]) => !(`node_modules/${name}` in lock.packages))
        .map(([name, version]): [string, LockEntry] => {
          const platform = platformOf(name)
          if (platform.os === undefined && platform.cpu === undefined)
            throw new Error(`${name}: for which platform?`)
          return [
            `node_modules/${name}`,
            { version, ...(dev === true ? { dev } : {}), optional: true, ...platform },
          ]
        }),
)
const packages = Object.entries(lock.packages).concat(missing)
lock.packages = Object.fromEntries(packages.toSorted(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(`${missing.length} packages of other platforms added`)
