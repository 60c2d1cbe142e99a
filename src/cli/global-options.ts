import { flag, text } from './options.ts'
import type { OptionSpec } from './command.ts'

/** Taken before and after the name of the command. */
export const globalOptions: Readonly<Record<string, OptionSpec>> = {
  folder: text('-C, --folder <dir>', 'work on this folder instead of the working directory', 'directory'),
  repository: text('-r, --repository <place>', 'work on this repository, without a folder', 'directory'),
  of: text('--of <path>', 'with --repository: only the snapshots of the folder that was there', 'directory'),
  json: flag('--json', 'print JSON, errors too'),
  quiet: flag('-q, --quiet', 'say only what was asked for and what went wrong'),
  verbose: flag('-v, --verbose', 'say more'),
}
