import { unseen } from '../bytes/name.ts'

const plain = /^[ -~]*$/
/** Not made before it is needed: that takes longer than to start. */
let made: RegExp | undefined

function escaped(): RegExp {
  return (made ??= new RegExp(`[${unseen}]`, 'gv'))
}

/**
 * Text from outside (messages, tags, host names, errors that quote them) in a form that cannot control a
 * terminal, nor show other than it says: what is not seen becomes escapes. Names of files go through
 * displayName instead, which can be told back from what it shows.
 */
export function safeText(text: string): string {
  if (plain.test(text)) return text
  return text.replace(escaped(), (character) => {
    const code = character.codePointAt(0)!
    if (character === '\n') return '\\n'
    if (character === '\t') return ' '
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
  })
}

/** One line of JSON. What JSON leaves as it is of the characters that are not seen is escaped too. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (plain.test(text)) return text
  return text.replace(escaped(), (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}
