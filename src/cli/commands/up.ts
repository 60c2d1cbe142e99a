import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { displayName } from '../../bytes/name.ts'
import { fromSystem, systemCode, TidemarkError } from '../../errors.ts'
import { stateDirectory } from '../../sync/wire/identity.ts'
import { defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { formatNumberOf, formatTime } from '../format.ts'
import { flag, text } from '../options.ts'
import { safeText } from '../safe-text.ts'
import { keepEventJson, tellEvent } from '../sync/watching.ts'
import { tellSession } from '../sync/session-report.ts'
import { keepHeapRoomy } from '../lean-heap.ts'
import { upUnit } from '../systemd-unit.ts'
import { beOnlyUp } from '../up/only-up.ts'
import { runUp } from '../up/run-up.ts'
import type { UpEvent } from '../up/up-event.ts'
import { readUpFile, upFilePath } from '../up/up-file.ts'
import type { UpFile } from '../up/up-file.ts'
import { formatAddress } from '../web-server.ts'

export const command: Command = defineCommand({
  about:
    'Keeps folders in step with their peers until stopped (Ctrl-C): those of a file, ~/.config/tidemark/up.yaml unless ' +
    '--config names another. Each change goes over at once, or by a schedule. Peers that are away are tried again, later ' +
    'and later, and so is a folder whose disk is away. With "listen" in the file other machines may call, once they have ' +
    'been paired. "tidemark status" in a folder shows how it stands.',
  arguments: [],
  options: {
    config: text('--config <file>', 'the file', 'path'),
    check: flag('--check', 'only check the file, and say what it means'),
    systemd: flag('--systemd', 'print the unit of a systemd service that does this'),
  },
  examples: [
    {
      command:
        'printf "folders:\\n  - path: .\\n    peers: [../copy]\\n" > up.yaml && tidemark up --config up.yaml --check',
      shows: 'a file with one folder, checked',
    },
    {
      command:
        'printf "folders:\\n  - path: .\\n    peers: [../copy]\\n" > up.yaml && tidemark up --config up.yaml',
      shows: 'until Ctrl-C',
    },
    {
      command: 'tidemark up --systemd > ~/.config/systemd/user/tidemark.service',
      shows: 'a service; then: systemctl --user enable --now tidemark',
    },
  ],
  exits: ['missing', 'damage', 'busy', 'refused', 'interrupted', 'terminated'],
  async run(context, _args, { config, check, systemd }) {
    const path = config === undefined ? upFilePath(process.env) : resolve(context.workingDirectory, config)
    if (systemd) {
      const program = [process.execPath, realpathSync(process.argv[1] ?? '')]
      await context.print(upUnit([...program, 'up', '--config', path]).trimEnd())
      return undefined
    }
    const file = await readUpFile(read(path), path)
    if (check) {
      await tellFile(context, file)
      for (const { path } of file.folders) {
        if (!existsSync(path))
          await context.warn(`${displayName(path)} is not there: is its disk mounted? (up waits for it)`)
      }
      return undefined
    }
    using _only = beOnlyUp(path, stateDirectory(process.env))
    await keepHeapRoomy()
    await context.note(`keeping ${formatNumberOf(file.folders.length, 'folder')} in step (Ctrl-C ends it)`)
    let last: Promise<void> = Promise.resolve()
    const onEvent = (event: UpEvent): void => {
      last = last.then(() => tell(context, event)).catch(() => {})
    }
    await runUp(file, { signal: context.signal, onEvent })
    await last
    return undefined
  },
})

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fromSystem(error, `read ${path}`)
    throw new TidemarkError('missing', `${path}: no such file (docs/guide/sync.md shows what to write in it)`)
  }
}

async function tellFile(context: Context, { folders, listen, bandwidth }: UpFile): Promise<void> {
  if (context.json) {
    const told = folders.map(({ schedule, maxVanishing, include, ...folder }) => ({
      ...folder,
      scheduled: schedule !== undefined,
      include: include ?? null,
      allowDeletes: maxVanishing ?? null,
    }))
    await context.printJson({ folders: told, listen: listen ?? null, bandwidth: bandwidth ?? null })
    return
  }
  for (const { name, path, peers, schedule, include } of folders) {
    const how = schedule === undefined ? '' : `, next ${formatTime(schedule(0, context.now().getTime()))}`
    const part = include === undefined ? '' : `, only ${include.map(displayName).join(', ')}`
    await context.print(`${name}: ${displayName(path)}${part}${how}`)
    for (const peer of peers)
      await context.print(`  ${peer.name}: ${safeText(peer.place)} (${peer.readOnly ? 'send' : peer.mode})`)
  }
  if (listen !== undefined) await context.print(`listening at ${formatAddress(listen)}`)
}

async function tell(context: Context, event: UpEvent): Promise<void> {
  if (context.json) await context.printJson(eventJson(context, event))
  else await tellText(context, event)
  await context.out.flush()
}

async function tellText(context: Context, event: UpEvent): Promise<void> {
  switch (event.kind) {
    case 'listening':
      return context.note(`listening at ${formatAddress(event)}`)
    case 'stranger':
      return context.warn(`${event.address}: a machine that is not known was turned away`)
    case 'called':
      return context.options.verbose
        ? context.note(`${event.peer ?? '?'} called from ${event.address}`)
        : undefined
    case 'given': {
      const { counts, problems } = event.pulled
      const from = `from ${event.peer}: ${formatNumberOf(counts.files, 'file')}, ${counts.deleted} deleted`
      if (problems.length > 0)
        await context.warn(`${event.folder.name}: ${formatNumberOf(problems.length, 'problem')}`)
      return context.tell(`${formatTime(context.now().getTime())}  ${event.folder.name}: ${from}`)
    }
    case 'folder': {
      if (event.event.kind !== 'synchronized') return tellEvent(context, event.event, event.folder.name)
      const { folder, event: session, taken } = event
      const { place = '' } = folder.peers.find(({ name }) => name === session.peer) ?? {}
      const { peer, result } = session
      return tellSession(context, { peer, place, own: folder.path, result, taken, traffic: undefined }, true)
    }
  }
}

function eventJson(context: Context, event: UpEvent): object {
  const time = context.now().toISOString()
  if (event.kind === 'folder') {
    const { folder, event: kept, taken } = event
    return { time, folder: folder.name, ...keepEventJson(folder, kept, taken) }
  }
  if (event.kind === 'given') {
    const { folder, peer, pulled } = event
    const { files, bytes, deleted } = pulled.counts
    return {
      time,
      folder: folder.name,
      event: 'given',
      peer,
      files,
      bytes,
      deleted,
      problems: pulled.problems.length,
    }
  }
  const { kind, ...rest } = event
  return { time, event: kind, ...rest }
}
