import t from 'tap'
import { createCall } from '../../src/call.js'
import { upstreamError } from '../../src/errors.js'
import { createPatience, createPatientCall } from '../../src/upstreams/patience.js'
import { createPausingClock } from '../commands/fixtures/clock.js'

/** A function over a call, refused as too fast so many times. */
const refusing = (times: number) => {
  let tries = 0
  return {
    tries: () => tries,
    ask: (word: string, call: ReturnType<typeof createCall>) =>
      call.slice(undefined, async () => {
        tries += 1
        if (tries <= times) throw upstreamError('table', 'throttled')
        return word
      }),
  }
}

t.test('a call of the service is never repeated, whoever made the functions', async (t) => {
  const clock = createPausingClock()
  const { ask, tries } = refusing(1)
  const patient = createPatience({ clock, onWait: () => t.fail('nothing waits') }).of({ ask })
  await t.rejects(patient.ask('x', createCall(1_000)), { code: 'GW_ERR_UPSTREAM_THROTTLED' })
  t.equal(tries(), 1)
  t.strictSame(clock.pauses, [])
})

t.test('a patient call waits longer each time, up to a second, never exactly as another one', async (t) => {
  const clock = createPausingClock()
  const { ask } = refusing(6)
  const waits: string[] = []
  const { of } = createPatience({ clock, onWait: (upstream) => waits.push(upstream), random: () => 0.5 })
  t.equal(await of({ ask }).ask('x', createPatientCall(1_000)), 'x')
  t.strictSame(clock.pauses, [150, 300, 600, 750, 750, 750])
  t.strictSame(waits, ['table'], 'told once')
})

t.test('what goes on elsewhere in the command keeps it waiting; a minute without anything ends it', async (t) => {
  const clock = createPausingClock()
  const [lucky, unlucky] = [refusing(0), refusing(1_000)]
  const { of } = createPatience({ clock, onWait: () => undefined, random: () => 1 })
  const ask = of({ lucky: lucky.ask, unlucky: unlucky.ask })
  let over = false
  const refused = ask.unlucky('x', createPatientCall(1_000)).catch((error) => {
    over = true
    return error
  })
  while (clock.elapsed() < 150_000) {
    await ask.lucky('y', createPatientCall(1_000))
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.notOk(over, 'two minutes and a half, in which others were served')
  t.match(await refused, { kind: 'throttled' })
  t.ok(clock.elapsed() < 215_000)
})
