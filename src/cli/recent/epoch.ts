import { TidemarkError } from '../../errors.ts'
import { isEpoch } from '../../recent/index.ts'

export function epochOf(text: string | undefined, option: string): string | undefined {
  if (text === undefined || isEpoch(text)) return text
  throw new TidemarkError('usage', `${option} takes seconds since 1970, as 1795293114.25, not ${text}`)
}
