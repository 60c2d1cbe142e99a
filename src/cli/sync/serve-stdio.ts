import { resolve } from 'node:path'
import { anyFolder, anyFolderUntouched } from '../../sync/folder-service.ts'
import { defaultGuard } from '../../sync/guard.ts'
import { servePeer } from '../../sync/wire/serve-peer.ts'
import { connectionOver } from '../../sync/wire/transport/link.ts'
import { stdioLink } from '../../sync/wire/transport/stdio.ts'
import type { Context } from '../context.ts'

export interface StdioChoices {
  readonly watch: boolean
  readonly dryRun: boolean
  readonly allowDeletes: boolean
}

/**
 * The far end of a sync over ssh: answers one caller on standard input and output, on which nothing else may be
 * said, until it goes. Places count from the working directory, which ssh makes the home of the user.
 */
export async function serveStdio(
  context: Context,
  { watch, dryRun, allowDeletes }: StdioChoices,
): Promise<void> {
  const start = context.workingDirectory
  const pathOf = (place: string): string => resolve(start, place)
  const guard = allowDeletes ? { maxVanishing: 1 } : defaultGuard
  const service = dryRun
    ? anyFolderUntouched(pathOf)
    : anyFolder(pathOf, { guard, watch: watch ? {} : undefined })
  const connection = connectionOver(stdioLink())
  const stop = (): void => void connection.close()
  context.signal.addEventListener('abort', stop)
  try {
    const error = await servePeer(connection, service)
    if (error !== undefined && !context.signal.aborted) throw error
  } finally {
    context.signal.removeEventListener('abort', stop)
  }
}
