/** Bytes. Below it short-lived things live long enough to be copied twice, which takes 4 % of a first snapshot. */
const nurserySize = 2.5 * 1024 * 1024

/** Milliseconds. */
const interval = 10

/**
 * For commands that go through whole folders, and leave behind what is short-lived: left to itself the heap
 * would grow by 70 MB for it, in the nursery (doubled whenever much of it is in use) and beyond (doubled before it is
 * cleared). To commands that only read trees the smaller nursery would cost a fifth of their time.
 */
export async function keepHeapLean(): Promise<void> {
  const v8 = await import('node:v8')
  v8.setFlagsFromString('--heap-growing-percent=30')
  const timer = setInterval(() => {
    const nursery = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
    if (nursery !== undefined && nursery.space_size < nurserySize) return
    v8.setFlagsFromString('--semi-space-growth-factor=1')
    clearInterval(timer)
  }, interval)
  timer.unref()
}

/**
 * For commands through which contents stream: the heap itself is small, and what passes is many times that. Left to
 * itself everything would be marked anew with every few megabytes, for two fifths of the processor time.
 */
export async function keepHeapRoomy(): Promise<void> {
  const v8 = await import('node:v8')
  v8.setFlagsFromString('--heap-growing-percent=400')
}
