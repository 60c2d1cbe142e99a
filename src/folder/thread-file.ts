/**
 * The file of the thread `name`, beside the module whose `import.meta.url` is `own`. From source it is a module like
 * others; in the package one file with all that it needs, which starts in half the time (scripts/build.ts).
 */
export function threadFile(name: string, own: string): URL {
  return new URL(`./${name}${own.endsWith('.ts') ? '.ts' : '.cjs'}`, own)
}
