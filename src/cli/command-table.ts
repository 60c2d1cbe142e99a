import type { Command } from './command.ts'

/**
 * Every command by name. To add one:
 *
 * 1. Write src/cli/commands/NAME.ts, which exports `command: Command = defineCommand({ about, arguments,
 *    options, examples, exits, run })`. Options come from options.ts (`flag`, `text`, `texts`, `count`,
 *    `duration`, `choice`), keyed by their long flag in camel case; `run` gets them typed. It prints through
 *    its `context` only, throws TidemarkError, and returns an exit name of exit-codes.ts when not `done`.
 *    The short flags C, q, r, v, h and V, and the long ones of global-options.ts, belong to every command.
 * 2. Add its line below. Only what stands here is loaded for `tidemark --help`.
 * 3. Describe what it prints with `--json` in docs/guide/json.md.
 *
 * test/unit/cli/command-table.test.ts checks the shape of all, test/e2e/cli/examples.test.ts runs the examples.
 */
export interface CommandEntry {
  readonly name: string
  readonly group:
    | 'Keep'
    | 'Look back'
    | 'Restore'
    | 'Care'
    | 'Sync'
    | 'Streams'
    | 'Mirrors'
    | 'Compare'
    | 'Other'
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Command }>
}

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'init',
    group: 'Keep',
    summary: 'begin to keep the history of a folder',
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'status',
    group: 'Keep',
    summary: 'show what has changed since the last snapshot',
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'snapshot',
    group: 'Keep',
    summary: 'record the folder as it is now',
    load: () => import('./commands/snapshot.ts'),
  },
  {
    name: 'watch',
    group: 'Keep',
    summary: 'take snapshots as files change',
    load: () => import('./commands/watch.ts'),
  },
  {
    name: 'log',
    group: 'Look back',
    summary: 'list the snapshots',
    load: () => import('./commands/log.ts'),
  },
  {
    name: 'ls',
    group: 'Look back',
    summary: 'list what a snapshot has',
    load: () => import('./commands/ls.ts'),
  },
  {
    name: 'diff',
    group: 'Look back',
    summary: 'show what changed between two snapshots',
    load: () => import('./commands/diff.ts'),
  },
  {
    name: 'cat',
    group: 'Look back',
    summary: 'write out a file as it was',
    load: () => import('./commands/cat.ts'),
  },
  {
    name: 'history',
    group: 'Look back',
    summary: 'list all versions of one path',
    load: () => import('./commands/history.ts'),
  },
  {
    name: 'find',
    group: 'Look back',
    summary: 'look for names in all snapshots',
    load: () => import('./commands/find.ts'),
  },
  {
    name: 'restore',
    group: 'Restore',
    summary: 'bring back files as they were',
    load: () => import('./commands/restore.ts'),
  },
  {
    name: 'verify',
    group: 'Care',
    summary: 'check that everything is there and whole',
    load: () => import('./commands/verify.ts'),
  },
  {
    name: 'repair',
    group: 'Care',
    summary: 'save what can be saved of a damaged repository',
    load: () => import('./commands/repair.ts'),
  },
  {
    name: 'forget',
    group: 'Care',
    summary: 'remove snapshots, by rules or by name',
    load: () => import('./commands/forget.ts'),
  },
  {
    name: 'prune',
    group: 'Care',
    summary: 'give back the space that no snapshot needs',
    load: () => import('./commands/prune.ts'),
  },
  {
    name: 'stats',
    group: 'Care',
    summary: 'tell how much there is, and what it takes',
    load: () => import('./commands/stats.ts'),
  },
  {
    name: 'sync',
    group: 'Sync',
    summary: 'bring copies of a folder in step, once or for ever',
    load: () => import('./commands/sync.ts'),
  },
  {
    name: 'up',
    group: 'Sync',
    summary: 'keep all folders of a file in step, as a service',
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'peer',
    group: 'Sync',
    summary: 'say with whom a folder is kept in step',
    load: () => import('./commands/peer.ts'),
  },
  {
    name: 'pair',
    group: 'Sync',
    summary: 'introduce two machines to each other',
    load: () => import('./commands/pair.ts'),
  },
  {
    name: 'conflicts',
    group: 'Sync',
    summary: 'list and resolve what two sides have changed',
    load: () => import('./commands/conflicts.ts'),
  },
  {
    name: 'record',
    group: 'Streams',
    summary: 'record a text source: a command, a file, an address',
    load: () => import('./commands/record.ts'),
  },
  {
    name: 'latest',
    group: 'Streams',
    summary: 'write out the newest version of a stream',
    load: () => import('./commands/latest.ts'),
  },
  {
    name: 'versions',
    group: 'Streams',
    summary: 'list the versions of a stream',
    load: () => import('./commands/versions.ts'),
  },
  {
    name: 'at',
    group: 'Streams',
    summary: 'write out a stream as it was',
    load: () => import('./commands/at.ts'),
  },
  {
    name: 'changes',
    group: 'Streams',
    summary: 'show what changed between versions of a stream',
    load: () => import('./commands/changes.ts'),
  },
  {
    name: 'blame',
    group: 'Streams',
    summary: 'show since when each line of a stream stands',
    load: () => import('./commands/blame.ts'),
  },
  {
    name: 'grep',
    group: 'Streams',
    summary: 'find lines in all versions of a stream',
    load: () => import('./commands/grep.ts'),
  },
  {
    name: 'follow',
    group: 'Streams',
    summary: 'print new versions of a stream as they land',
    load: () => import('./commands/follow.ts'),
  },
  {
    name: 'check',
    group: 'Streams',
    summary: 'prove that a stream is sound',
    load: () => import('./commands/check.ts'),
  },
  {
    name: 'publish',
    group: 'Mirrors',
    summary: 'publish a directory for any number of mirrors',
    load: () => import('./commands/publish.ts'),
  },
  {
    name: 'recent',
    group: 'Mirrors',
    summary: 'work on the index of a published directory by hand',
    load: () => import('./commands/recent.ts'),
  },
  {
    name: 'mirror',
    group: 'Mirrors',
    summary: 'follow an origin: keep a directory what it is',
    load: () => import('./commands/mirror.ts'),
  },
  {
    name: 'reconcile',
    group: 'Compare',
    summary: 'show how two sets differ',
    load: () => import('./commands/reconcile.ts'),
  },
  {
    name: 'sketch',
    group: 'Compare',
    summary: 'make, read and merge sketch files',
    load: () => import('./commands/sketch.ts'),
  },
  {
    name: 'serve',
    group: 'Compare',
    summary: 'serve a set for others to compare theirs with',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'completion',
    group: 'Other',
    summary: 'print the completion script of a shell',
    load: () => import('./commands/completion.ts'),
  },
]
