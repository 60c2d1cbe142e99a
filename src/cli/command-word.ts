/** The global options (global-options.ts) that take a value: the word behind one is no command. */
export const withValue: ReadonlySet<string> = new Set(['-C', '--folder', '-r', '--repository', '--of'])

/**
 * The first word of a command line that is no global option, nor the value of one. All that begins the program need not be
 * loaded to know it.
 */
export function commandWord(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!
    if (withValue.has(word)) at++
    else if (!word.startsWith('-') || word === '-') return word
    // Whatever follows is commander's to judge.
    else if (word === '--') return undefined
  }
  return undefined
}
