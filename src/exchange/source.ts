import { TidemarkError } from '../errors.ts'

/**
 * Where items come from: an array or any iterable, an async iterable (Node's streams are), a Web stream, or a
 * function that returns one of these.
 */
export type Source<T> =
  | Iterable<T>
  | AsyncIterable<T>
  | ReadableStream<T>
  | (() => Iterable<T> | AsyncIterable<T> | ReadableStream<T>)

/** Yields the items of a source, whatever it is. Stops with `cancelled` when `signal` is aborted. */
export async function* itemsOf<T>(
  source: Source<T>,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  throwIfCancelled(signal)
  const items = typeof source === 'function' ? source() : source
  for await (const item of iterable(items)) {
    throwIfCancelled(signal)
    yield item
  }
}

function iterable<T>(
  items: Iterable<T> | AsyncIterable<T> | ReadableStream<T>,
): Iterable<T> | AsyncIterable<T> {
  if (Symbol.asyncIterator in items || Symbol.iterator in items) return items
  return readStream(items)
}

/** For browsers whose streams are not iterable themselves. */
async function* readStream<T>(stream: ReadableStream<T>): AsyncGenerator<T, void, undefined> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}

/** Turns an aborted signal into the error that callers know. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal)
}

export function cancelled(signal: AbortSignal): TidemarkError {
  return new TidemarkError('cancelled', 'Reconciliation was cancelled', { cause: signal.reason })
}
