import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { changes } from './sync/changes.ts'
import { Ground } from './sync/ground.ts'
import { mountImage } from './sync/image.ts'
import { initial } from './sync/initial.ts'
import { latency } from './sync/latency.ts'
import { nothing } from './sync/nothing.ts'

/*
 * Sync beside its peers: node bench/sync.ts PLACE [initial|nothing|changes|latency…] (npm run build first)
 *
 * PLACE wants some 15 GB, and root a file system to mount there. RUNS (3) is how often each is measured, SCALE (1) by
 * what the numbers of files are multiplied, ONLY=tidemark,rsync who takes part. It needs the Debian packages rsync,
 * unison, syncthing and lsyncd, and time(1).
 */

const parts: Readonly<Record<string, (ground: Ground, runs: number) => Promise<void>>> = {
  initial,
  nothing,
  changes,
  latency,
}

const [place, ...names] = process.argv.slice(2)
const unknown = names.find((name) => !(name in parts))
if (place === undefined || unknown !== undefined) {
  console.error(`usage: node bench/sync.ts PLACE [${Object.keys(parts).join('|')}…]`)
  process.exit(2)
}
mkdirSync(place, { recursive: true })
const ground = new Ground(mountImage(resolve(place)), Number(process.env['SCALE'] ?? 1))
const runs = Number(process.env['RUNS'] ?? 3)
for (const name of names.length > 0 ? names : Object.keys(parts)) await parts[name]!(ground, runs)
process.exit()
