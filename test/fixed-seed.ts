import { isMainThread } from 'node:worker_threads'

/*
 * Loaded before each file of tests by `npm test`: properties try the same cases each time, so that nothing fails by luck
 * that has nothing to do with what was changed. With TIDEMARK_FUZZ, which says how many, they try others.
 */
if (isMainThread) {
  const { configureGlobal } = await import('fast-check')
  configureGlobal({ seed: 1 })
}
