import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { Output } from '../../../src/cli/output.ts'
import { ProgressLine } from '../../../src/cli/progress-line.ts'

function terminal(isTTY: boolean): { output: Output; written: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 30 })
  return {
    output: new Output(() => stream as unknown as NodeJS.WriteStream),
    written: () => String(stream.read() ?? ''),
  }
}

/** Lets time pass only when it is told to. */
function stoppedTime(t: TestContext): { pass: (milliseconds: number) => void } {
  let now = 5000
  t.mock.method(performance, 'now', () => now)
  return { pass: (milliseconds) => void (now += milliseconds) }
}

test('progress is one line on a terminal, of what lasts, and goes without a trace', (t) => {
  const time = stoppedTime(t)
  const { output, written } = terminal(true)
  const line = new ProgressLine(output, true)
  line.step('checking packs', 1, 1000)
  line.clear()
  assert.equal(written(), '')
  time.pass(1050)
  line.step('checking packs', 500, 1_234_567)
  line.step('checking packs', 501, 1_234_567)
  assert.equal(written(), '\rchecking packs  500 of 1,234,\u001b[K')
  line.clear()
  line.clear()
  assert.equal(written(), '\r\u001b[K')
})

test('no progress elsewhere, nor when it is not wanted', (t) => {
  const time = stoppedTime(t)
  const [file, quiet] = [terminal(false), terminal(true)]
  const lines = [new ProgressLine(file.output, true), new ProgressLine(quiet.output, false)]
  time.pass(1050)
  for (const line of lines) {
    line.update({ phase: 'reading', files: 1, bytes: 1 })
    line.clear()
  }
  assert.equal(file.written() + quiet.written(), '')
})
