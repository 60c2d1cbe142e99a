import { displayName } from '../../bytes/name.ts'
import type { Change } from '../../recent/index.ts'
import type { Context } from '../context.ts'

/** One line for each change: `+ path` for what came or changed, `- path` for what went. */
export async function printChanges(context: Context, changes: readonly Change[]): Promise<void> {
  for (const { path, type } of changes) {
    const mark = type === 'new' ? context.out.style('green', '+') : context.out.style('red', '-')
    await context.tell(`${mark} ${displayName(path)}`)
  }
}

export function changeJson({ path, type, epoch, detail }: Change): object {
  return { path, type, ...(epoch !== undefined && { epoch }), ...(detail !== undefined && { detail }) }
}
