import { realpathSync } from 'node:fs'

/**
 * A service of systemd that runs `command` for `folder`; `purpose` and its path describe it. A path that systemd would
 * read otherwise is quoted as systemd.syntax(7) and systemd.unit(5) say.
 */
export function systemdUnit(
  folder: string,
  command: readonly string[],
  purpose: string = 'Keep the history of',
): string {
  return unit([`${purpose} ${oneLine(folder)}`, `RequiresMountsFor=${quote(folder)}`], command)
}

/** The same for one that keeps many folders, which may come and go. */
export function upUnit(command: readonly string[]): string {
  return unit(['Keep folders in step', 'After=network.target'], command)
}

function unit([description, needs]: readonly [string, string], command: readonly string[]): string {
  return `[Unit]
Description=${description}
${needs}

[Service]
ExecStart=${command.map(quoteArgument).join(' ')}
Restart=on-failure
RestartSec=30
# Stopped as asked.
SuccessExitStatus=130 143
Nice=10

[Install]
WantedBy=default.target
`
}

/** The program that runs now, as a service would start it. */
export function ownProgram(): string[] {
  return [process.execPath, realpathSync(process.argv[1] ?? '')]
}

function quote(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const escaped = text.replace(/[\u0000-\u001f\u007f"\\]/g, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : `\\${character}`
  })
  return `"${escaped.replaceAll('%', '%%')}"`
}

/** On a command line variables are expanded too. */
function quoteArgument(text: string): string {
  return quote(text).replaceAll('$', '$$$$')
}

function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f\\]/g, '?').replaceAll('%', '%%')
}
