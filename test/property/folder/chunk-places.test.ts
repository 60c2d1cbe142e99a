import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ChunkPlaces } from '../../../src/folder/chunk-places.ts'
import { idOf, type Id } from '../../../src/object/id.ts'

const ids: readonly Id[] = Array.from({ length: 12 }, (_, n) => idOf(Uint8Array.of(n)))

test('chunk places are those that were added and not removed', () => {
  const step = fc.record({
    id: fc.nat(ids.length - 1),
    file: fc.nat(5),
    remove: fc.boolean(),
    // Many at once are sorted in.
    more: fc.constantFrom(0, 0, 1200),
  })
  const steps = fc.array(step, { maxLength: 30 })
  fc.assert(
    fc.property(steps, (all) => {
      const places = new ChunkPlaces()
      const expected = new Set<string>()
      let start = 0
      for (const { id, file, remove, more } of all) {
        const [directory, name] = [`d${file % 2}`, `f${file}`]
        if (remove) {
          places.remove(ids[id]!, directory, name, 0)
          expected.delete(`${id} ${directory}/${name} 0`)
        } else if (!expected.has(`${id} ${directory}/${name} 0`)) {
          places.enter(directory)
          places.addFile(name)
          places.addChunk(ids[id]!, 0, 1)
          expected.add(`${id} ${directory}/${name} 0`)
          for (let n = 0; n < more; n++) {
            places.addChunk(ids[(id + n) % ids.length]!, ++start, 1)
            expected.add(`${(id + n) % ids.length} ${directory}/${name} ${start}`)
          }
        }
      }
      const found = ids.flatMap((id, n) =>
        [...places.find(id)].map((place) => `${n} ${place.directory}/${place.name} ${place.start}`),
      )
      assert.deepEqual(found.toSorted(), [...expected].toSorted())
    }),
  )
})
