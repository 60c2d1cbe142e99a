/**
 * Text from outside (messages, tags, host names, errors that quote them) in a form that cannot control a
 * terminal: control characters and halves of surrogate pairs become escapes. Names of files go through
 * displayName instead, which can be told back from what it shows.
 */
export function safeText(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu,
    (character) => {
      const code = character.charCodeAt(0)
      if (character === '\n') return '\\n'
      if (character === '\t') return ' '
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
    },
  )
}

/** One line of JSON. What JSON leaves as it is of the control characters is escaped too. */
export function toJson(value: unknown): string {
  // oxlint-disable-next-line no-control-regex
  return JSON.stringify(value).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}
