import { once } from 'node:events'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import { isTidemarkError, TidemarkError } from '../../errors.ts'
import { checkPeerName } from '../../sync/sync-settings.ts'
import { loadIdentity, stateDirectory } from '../../sync/wire/identity.ts'
import type { Identity } from '../../sync/wire/certificate.ts'
import { pair } from '../../sync/wire/pairing.ts'
import type { Paired, PairOptions } from '../../sync/wire/pairing.ts'
import { connectionOver } from '../../sync/wire/transport/link.ts'
import type { Link as Stream } from '../../sync/wire/transport/link.ts'
import { connectTls, listenTls } from '../../sync/wire/transport/tls.ts'
import { defineCommand } from '../command.ts'
import type { Command, OptionSpec } from '../command.ts'
import type { Context } from '../context.ts'
import { flag, text, texts } from '../options.ts'
import { safeText } from '../safe-text.ts'
import { noteMachine } from '../sync/known-machines.ts'
import { parseAddress } from '../web-server.ts'
import type { Address } from '../web-server.ts'

/** Where tidemark up and tidemark pair meet when no port is named. */
const usualPort = 7070

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
      ask(context, shown, host, code, signal)
    const { paired, address } =
      target === undefined
        ? {
            paired: await wait(context, listen === true ? everywhere : listen!, identity, confirm),
            address: undefined,
          }
        : await goTo(context, target, identity, confirm)
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

type Confirm = PairOptions['confirm']

const everywhere: Address = { host: '', port: usualPort }

function listenOption(flags: string, summary: string): OptionSpec<Address | true | undefined> {
  return { flags, summary, parse: (text) => parseAddress(text) }
}

async function goTo(
  context: Context,
  target: string,
  identity: Identity,
  confirm: Confirm,
): Promise<{ paired: Paired; address: string }> {
  const isBare = /^(?:[^:[\]]+|\[[^\]]+\])$/.test(target)
  const { host, port } = parseAddress(isBare ? `${target}:${usualPort}` : target)
  const stream = await connectTls({ host, port, identity, fingerprint: undefined, signal: context.signal })
  const paired = await introduce(context, stream, identity, confirm)
  return { paired, address: `${host.includes(':') ? `[${host}]` : host}:${port}` }
}

/** The first that comes and gets as far as a code is the one; whoever else calls is turned away. */
async function wait(
  context: Context,
  { host, port }: Address,
  identity: Identity,
  confirm: Confirm,
): Promise<Paired> {
  const { promise, resolve, reject } = Promise.withResolvers<Paired>()
  let isAsking = false
  let isBusy = false
  const take = async (stream: Stream): Promise<void> => {
    if (isBusy) {
      connectionOver(stream).fail(new TidemarkError('busy', 'another machine is being paired here'))
      return
    }
    isBusy = true
    try {
      resolve(
        await introduce(context, stream, identity, (...asked) => {
          isAsking = true
          return confirm(...asked)
        }),
      )
    } catch (error) {
      if (isAsking || context.signal.aborted || !isTidemarkError(error)) reject(error)
      else await context.warn(`${stream.name}: ${error.message}`)
    } finally {
      isBusy = false
    }
  }
  const listener = await listenTls({
    host: host === '' ? undefined : host,
    port,
    identity,
    isKnown: () => true,
    onLink: (stream) => void take(stream).catch(reject),
  })
  const stop = (): void => reject(new TidemarkError('cancelled', 'pairing: cancelled'))
  context.signal.addEventListener('abort', stop)
  try {
    if (context.json) await context.printJson({ listening: listener.port })
    else
      await context.note(
        `waiting at port ${listener.port}: now tidemark pair ${hostname()}:${listener.port} there`,
      )
    await context.out.flush()
    if (context.signal.aborted) stop()
    return await promise
  } finally {
    context.signal.removeEventListener('abort', stop)
    listener.close()
  }
}

async function introduce(
  context: Context,
  stream: Stream,
  { fingerprint: own }: Identity,
  confirm: Confirm,
): Promise<Paired> {
  const { isDialler, fingerprint: other } = stream
  const connection = connectionOver(stream)
  try {
    if (other === undefined) throw new TidemarkError('denied', `${stream.name}: it has shown no certificate`)
    return await pair(connection, {
      own,
      other,
      isDialler,
      host: hostname(),
      confirm,
      signal: context.signal,
    })
  } finally {
    await connection.close()
  }
}

/** Shows the code, and finds out whether the other side shows the same. */
async function ask(
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
