// AssemblyScript. The kernel of streams: cuts texts into lines, tells which lines two texts share, and replays diffs. The
// rules are those of src/stream/ (compare-lines.ts and what it uses, replay.ts), which are its plain twins and say why.
// Built by scripts/build-wasm.ts. The memory is the caller's; beside it there is only the state of a replay.

export { countLines } from './lines/bytes'
export { finish, prepare } from './lines/compare'
export { apply, begin, textLength, writeText } from './lines/replay'
