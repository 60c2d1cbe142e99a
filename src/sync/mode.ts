/** Which way changes go: both ways, only to the peer, or only from it. */
export type Mode = 'two-way' | 'send' | 'receive'

export const modes: readonly Mode[] = ['two-way', 'send', 'receive']
