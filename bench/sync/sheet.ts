import { median, row } from '../measure.ts'
import type { Run } from './ground.ts'

export type Field = 'wall' | 'cpu' | 'wire'

const titles: Readonly<Record<Field, string>> = { wall: 'wall', cpu: 'CPU', wire: 'bytes' }

/** What a part has measured, and what it was to reach. */
export class Sheet {
  readonly #part: string
  readonly #runs = new Map<string, Run[]>()
  readonly #goals: string[] = []

  constructor(part: string) {
    this.#part = part
  }

  /** Notes what a run costs. Resolves with false when it fails, which is told of: the others go on. */
  async note(step: string, contender: string, running: Promise<Run>): Promise<boolean> {
    const key = `${step}: ${contender}`
    try {
      const run = await running
      this.#runs.set(key, [...(this.#runs.get(key) ?? []), run])
      return true
    } catch (error) {
      console.log(`${key}: ${error instanceof Error ? error.message.trim() : String(error)}`)
      return false
    }
  }

  /** The median of all runs; undefined when it did not take part. */
  get(step: string, contender: string): Run | undefined {
    const runs = this.#runs.get(`${step}: ${contender}`)
    if (runs === undefined) return undefined
    return {
      ...median(runs),
      wire: middle(runs.map(({ wire }) => wire)),
      farMegabytes: middle(runs.map(({ farMegabytes }) => farMegabytes)),
      others: middle(runs.map(({ others }) => others)) ?? 0,
    }
  }

  /** Ours is to be at most `limit` times the peer's. */
  ratio(step: string, ours: string, peerStep: string, peer: string, field: Field, limit: number): void {
    const [one, other] = [this.get(step, ours)?.[field], this.get(peerStep, peer)?.[field]]
    if (one === undefined || other === undefined) return
    const label = `${step}: ${ours}: ${titles[field]} / ${peer}`
    this.#judge(label, one, other, one / other, `x${limit}`, one <= limit * other)
  }

  /** A figure of ours is to be at most `limit`, whatever a peer's is. */
  limit(label: string, ours: number | undefined, limit: number, peer?: number): void {
    if (ours === undefined) return
    const ratio = peer === undefined ? undefined : ours / peer
    this.#judge(label, ours, peer, ratio, figure(limit), ours <= limit)
  }

  #judge(
    label: string,
    ours: number,
    peer: number | undefined,
    ratio: number | undefined,
    goal: string,
    isMet: boolean,
  ): void {
    const cells = [figure(ours), figure(peer), ratio === undefined ? '' : `x${ratio.toFixed(2)}`, goal]
    this.#goals.push(line(label, [...cells, isMet ? 'met' : 'MISSED']))
  }

  print(): void {
    const heads = ['wall s', 'CPU s', 'RSS MB', 'far MB', 'wire KB', 'others CPU']
    if (this.#runs.size > 0) console.log(line(this.#part, heads))
    for (const key of this.#runs.keys()) {
      const [step, contender] = key.split(': ') as [string, string]
      const { wall, cpu, megabytes, farMegabytes, wire, others } = this.get(step, contender)!
      const sides = [megabytes, farMegabytes].map((value) => (value ? value.toFixed(0) : ''))
      const kilobytes = wire === undefined ? '' : (wire / 1000).toFixed(1)
      console.log(line(key, [wall, cpu, ...sides, kilobytes, others]))
    }
    console.log(line(`${this.#part}: goals`, ['ours', 'peer', 'ratio', 'goal', '']))
    for (const goal of this.#goals) console.log(goal)
  }
}

/** As `row`, for longer labels. */
export function line(label: string, cells: readonly (string | number)[]): string {
  return row(label.padEnd(64), cells)
}

function figure(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 1000 ? String(Math.round(value)) : value.toFixed(value < 10 ? 3 : 1)
}

function middle(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined).toSorted((a, b) => a - b)
  return known[known.length >> 1]
}
