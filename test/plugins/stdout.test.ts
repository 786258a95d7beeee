import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import { boundedOutput } from '../../src/plugins/server/stdout.js'
import { createTestClock } from '../fixtures/clock.js'

t.test('a reader that stalls costs lines beyond the bound, and gets the others later, in order', async (t) => {
  let go = () => {}
  const read: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(line, _encoding, done) {
      read.push(String(line))
      go = done
    },
  })
  const output = boundedOutput(stream, createTestClock(), 30)
  for (let line = 1; line <= 5; line += 1) output.write(`line ${line} 10\n`)
  t.strictSame([read, output.lost], [['line 1 10\n'], 2])
  const flushed = output.flush(600_000)
  while (read.length < 4) {
    go()
    await new Promise(setImmediate)
  }
  go()
  await flushed
  t.strictSame(read.slice(0, 3), ['line 1 10\n', 'line 2 10\n', 'line 3 10\n'])
  output.write('line 6\n')
  t.equal(output.lost, 2, 'there is room again')
})

t.test('a reader that has gone costs every line, and the end does not wait for it', async (t) => {
  const stream = new PassThrough()
  const output = boundedOutput(stream, createTestClock())
  stream.destroy(new Error('EPIPE'))
  await new Promise((resolve) => stream.on('close', resolve))
  output.write('lost\n')
  t.equal(output.lost, 1)
  await output.flush(600_000)
})

t.test('the end waits for a stalled reader no longer than it says', async (t) => {
  const clock = createTestClock()
  const output = boundedOutput(new Writable({ write: () => undefined }), clock)
  output.write('kept\n')
  const flushed = output.flush(1_000)
  clock.advance(1_000)
  await flushed
  t.equal(output.lost, 0)
})
