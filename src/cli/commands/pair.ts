import { TidemarkError } from '../../errors.ts'
import { checkPeerName } from '../../sync/sync-settings.ts'
import { loadIdentity, stateDirectory } from '../../sync/wire/identity.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import { flag, text, texts } from '../options.ts'
import { askCode } from '../sync/ask-code.ts'
import { noteMachine } from '../sync/known-machines.ts'
import { goToMachine, usualPort, waitForMachine } from '../sync/meet-machine.ts'
import { parseAddress } from '../web-server.ts'
import type { Address } from '../web-server.ts'

export const command: Command = defineCommand({
  about:
    'Introduces two machines, so that their folders can be kept in step over the network with nobody else able to ' +
    'read or to join in: one waits with --listen, the other goes to it. Both show a code of six digits; when it is ' +
    'the same on both, each remembers the key of the other, and no certificate authority is needed. Afterwards ' +
    'tidemark up --config with "listen" answers, and peers are named tidemark://host:port/name.',
  arguments: [{ name: '[host:port]', summary: 'the machine that waits; port 7070 when left out' }],
  options: {
    listen: listenOption(
      '--listen [address]',
      'wait for the other: PORT or HOST:PORT; else port 7070 of all',
    ),
    name: text('--name <name>', 'what to call the other machine (else what it calls itself)'),
    allow: texts(
      '--allow <folder>',
      'which folders it may ask for, by name, repeatable (else any that up serves)',
    ),
    readOnly: flag('--read-only', 'it may read these folders, and change nothing'),
    code: flag('--code', 'do not ask: read the code that the other side shows from standard input'),
  },
  examples: [
    { command: 'tidemark pair --listen', shows: 'on one of them' },
    { command: 'tidemark pair server.example.org', shows: 'on the other; then compare the codes' },
    {
      command: 'tidemark pair server.example.org --allow notes --read-only',
      shows: 'the other may only read, and only the folder notes',
    },
  ],
  exits: ['busy', 'damage', 'refused', 'interrupted', 'terminated'],
  async run(context, [target], options) {
    const { listen, name, allow, readOnly, code } = options
    if ((listen === undefined) === (target === undefined))
      throw new TidemarkError('usage', 'either --listen, or the host:port of the machine that listens')
    if (name !== undefined) checkPeerName(name)
    for (const folder of allow) checkPeerName(folder)
    if (!code && !process.stdin.isTTY)
      throw new TidemarkError('usage', 'somebody has to compare the codes: this needs a terminal, or --code')
    const state = stateDirectory(process.env)
    const identity = await loadIdentity(state)
    const confirm = (shown: string, host: string, signal: AbortSignal): Promise<boolean> =>
      askCode(context, shown, host, code, signal)
    const { paired, address } =
      target === undefined
        ? {
            paired: await waitForMachine(context, listen === true ? everywhere : listen!, identity, confirm),
            address: undefined,
          }
        : await goToMachine(context, target, identity, confirm)
    const access = readOnly ? 'read' : 'read-write'
    const { fingerprint, host } = paired
    const known = await noteMachine(state, { fingerprint, name, host, address, allowed: allow, access })
    if (context.json) await context.printJson({ paired: known })
    else {
      const folders = allow.length === 0 ? 'any folder that is served here' : allow.join(', ')
      await context.tell(
        `${known.name} is known from now on, and may ${readOnly ? 'read' : 'read and change'} ${folders}`,
      )
    }
    return undefined
  },
})

const everywhere: Address = { host: '', port: usualPort }

function listenOption(flags: string, summary: string): OptionSpec<Address | true | undefined> {
  return { flags, summary, parse: (text) => parseAddress(text) }
}
