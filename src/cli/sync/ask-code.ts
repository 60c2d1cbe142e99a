import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Context } from '../context.ts'
import { safeText } from '../safe-text.ts'

/** Shows the code, and finds out whether the other side shows the same. */
export async function askCode(
  context: Context,
  code: string,
  host: string,
  given: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const shown = `${code.slice(0, 3)} ${code.slice(3)}`
  if (context.json) await context.printJson({ code, host })
  else await context.print(`code: ${context.out.style('bold', shown)}`)
  await context.out.flush()
  const lines = createInterface({ input: process.stdin, output: given ? undefined : process.stderr })
  const stop = (): void => lines.close()
  signal.addEventListener('abort', stop)
  context.signal.addEventListener('abort', stop)
  try {
    if (!given) lines.setPrompt(`Does ${safeText(host)} show the same code? [y/N] `)
    if (!given) lines.prompt()
    const answer = await Promise.race([
      once(lines, 'line').then(([line]) => String(line).trim()),
      once(lines, 'close').then(() => ''),
    ])
    return given ? answer.replaceAll(' ', '') === code : /^y(?:es)?$/i.test(answer)
  } finally {
    signal.removeEventListener('abort', stop)
    context.signal.removeEventListener('abort', stop)
    lines.close()
  }
}
