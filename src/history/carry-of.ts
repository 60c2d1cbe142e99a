import { geteuid } from 'node:process'
import { selectedBy, type Held } from '../folder/held.ts'
import type { Store } from '../store/store.ts'
import { absentLeaves } from './fill-state.ts'
import type { Carry, LeftEntries } from '../folder/scan/carry.ts'

/** How a folder that holds this is to be scanned; undefined when it is not shared. */
export function carryOf(held: Held | undefined, trees: Store, left?: LeftEntries): Carry | undefined {
  if (held === undefined && left === undefined) return undefined
  return {
    selected: held && selectedBy(held),
    left,
    unfold: (directory) => absentLeaves(trees, directory),
    keepsOwners: geteuid?.() !== 0,
  }
}
