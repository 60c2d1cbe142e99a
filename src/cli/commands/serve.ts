import { once } from 'node:events'
import { TidemarkError } from '../../errors.ts'
import { setHandler } from '../../exchange/index.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { flag, text } from '../options.ts'
import { safeText } from '../safe-text.ts'
import { closeSource, openSource, servedSource } from '../sets/set-source.ts'
import { keepHeapRoomy } from '../lean-heap.ts'
import { parseAddress, serveWeb } from '../web-server.ts'

export const command: Command = defineCommand({
  about:
    'Serves a set over HTTP until it is stopped, for tidemark reconcile and the library to compare theirs with. ' +
    'The set is named as for tidemark reconcile and read once, but for a table, which is asked anew each time. ' +
    'Nothing can be changed through it. There is no encryption and no password: put it behind a web server ' +
    'that has them before it listens beyond this machine. With --stdio it is the far end of tidemark sync over ssh, ' +
    'which starts it: it answers on its standard input and output.',
  arguments: [],
  options: {
    set: text('--set <source>', 'a file of lines, a directory or a table', 'path'),
    listen: text('--listen <address>', 'PORT or HOST:PORT; a free port of 127.0.0.1 when left out'),
    stdio: flag('--stdio', 'serve folders to the one who started this, for tidemark sync'),
    watch: flag('--watch', 'with --stdio: tell of changes as they happen'),
    dryRun: flag('-n, --dry-run', 'with --stdio: make and change nothing'),
    allowDeletes: flag('--allow-deletes', 'with --stdio: also when more than half of a folder vanishes'),
  },
  examples: [
    {
      command: 'timeout -s INT 2 tidemark serve --set notes.txt; true',
      shows: 'the lines of a file, on any free port',
    },
  ],
  exits: ['missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, _args, { set: name, listen = '0', stdio, ...choices }) {
    if (stdio) {
      const { serveStdio } = await import('../sync/serve-stdio.ts')
      await keepHeapRoomy()
      await serveStdio(context, choices)
      return undefined
    }
    if (name === undefined) throw new TidemarkError('usage', 'Name what to serve with --set, or say --stdio')
    const source = await openSource(name, context.signal)
    try {
      const set = servedSource(source)
      if (set === undefined) throw new TidemarkError('usage', `${name} has no items here to serve`)
      const server = await serveWeb(setHandler(set), parseAddress(listen))
      try {
        if (context.json) await context.printJson({ url: server.url })
        else await context.print(`serving ${safeText(name)} at ${server.url}`)
        await context.out.flush()
        if (!context.signal.aborted) await once(context.signal, 'abort')
      } finally {
        await server.close()
      }
    } finally {
      await closeSource(source)
    }
    return context.interruptedBy()
  },
})
