import fc from 'fast-check'
import t from 'tap'
import { findTrigger } from '../src/triggers/index.js'
import { startContainer } from './fixtures/container.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from './fixtures/events.js'
import { startGateway } from './fixtures/gateway.js'
import { tenantFile } from './fixtures/tenants.js'

const POOL = 'eu-central-1_Acme00001'
/** Half of a character: JSON may hold it as an escape, UTF-8 cannot. */
const HALF = '\ud800'
const gateway = await startGateway(t)
await gateway.addTenant(tenantFile())
const container = await startContainer(t, gateway)
const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => rejections.push(reason))

type Event = Record<string, unknown>
const proof = await gateway.stack.corbado.sign('pro-1001', 'nobody')
const events: readonly Event[] = [
  defineEvent([]),
  createEvent(),
  verifyEvent(proof),
  triggerEvent('PreSignUp_SignUp'),
  triggerEvent('CustomSMSSender_SignUp'),
]
const preLogin = { action: 'pre-login', userPoolId: POOL, identifier: 'nobody@acme.example' }
const postAppend = { action: 'post-append', userPoolId: POOL, username: 'nobody' }

const pathOf = (event: Event) =>
  'action' in event
    ? `/v1/pools/${POOL}/actions/${event.action}`
    : `/v1/pools/${POOL}/triggers/${findTrigger(String(event.triggerSource))?.name}`
const PUBLIC = /^[A-Z].* \(ref [\w-]+\)$/
const invalid = { statusCode: 400, body: { code: 'GW_ERR_REQUEST_INVALID' } }

/** The object's text, with a first member as it stands in `json`. */
const withText = (event: Event, json: string) => JSON.stringify(event).replace('{', `{"odd":${json},`)

t.test('what is nested too deeply is refused: 400 over HTTP, a public error through Lambda', async (t) => {
  for (const levels of [501, 5_000, 100_000]) {
    const lists = '['.repeat(levels) + ']'.repeat(levels)
    const objects = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    for (const event of events) {
      for (const json of [lists, objects]) {
        const text = withText(event, json)
        const what = `${event.triggerSource} ${levels}`
        t.match(await container.post(pathOf(event), text), invalid, what)
        t.match(await container.post(pathOf(event), `{"event":${text}}`), invalid, what)
        await t.rejects(gateway.trigger(JSON.parse(text)), { message: PUBLIC }, what)
      }
    }
    for (const payload of [preLogin, postAppend]) {
      t.match(await container.post(pathOf(payload), withText(payload, lists)), invalid)
      t.match(await gateway.action(JSON.parse(withText(payload, lists))), invalid)
    }
  }
  const [define = {}] = events
  const text = withText(define, `${'['.repeat(400)}${']'.repeat(400)}`)
  t.match(await container.post(pathOf(define), text), { statusCode: 200 })
  t.ok(await gateway.trigger(JSON.parse(text)))
})

t.test('half a character in what names a proof is refused: 400 over HTTP, a public error through Lambda', async (t) => {
  const calls = gateway.stack.corbado.calls.length
  for (const privateChallengeParameters of [
    { cognitoID: HALF, nonce: 'n' },
    { cognitoID: 'nobody', nonce: `n${HALF}` },
    { cognitoID: `\udc00${HALF}x` },
  ]) {
    const event = verifyEvent(proof, { privateChallengeParameters })
    t.match(await container.post(pathOf(event), event), invalid)
    await t.rejects(gateway.trigger(event), { message: PUBLIC })
  }
  t.equal(gateway.stack.corbado.calls.length, calls, 'Corbado was not asked')
  const event = verifyEvent('x', { privateChallengeParameters: { cognitoID: '😀', nonce: '😀' } })
  t.match(await gateway.trigger(event), { response: { answerCorrect: false } }, 'a whole one is fine')
})

t.test('an event comes back over HTTP as it was written, but for its response', async (t) => {
  const [define = {}] = events
  const odd = '{"__proto__":{"x":1},"big":12345678901234567890,"one":1.0,"constructor":{"prototype":1}}'
  for (const text of [withText(define, odd), withText(define, odd).replace('"response"', '"\\u0072esponse"')]) {
    for (const body of [text, `{ "remainingMs": 4000, "event" : ${text} }`]) {
      const answer = await container.postForText(pathOf(define), body)
      const response = { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false }
      const expected = text.replace(/("(\\u0072|r)esponse":)\{[^}]*\}/, `$1${JSON.stringify(response)}`)
      t.equal(answer, expected)
    }
  }
  const without = JSON.stringify(define).replace(/,"response":\{[^}]*\}/, '')
  t.match(JSON.parse(await container.postForText(pathOf(define), without)), { response: { issueTokens: false } })
})

t.test('a body of 90,000 keys is answered without a look at each', async (t) => {
  const [define = {}] = events
  const keys = Array.from({ length: 90_000 }, (_, key) => `"${key.toString(36)}":-0`).join(',')
  const text = JSON.stringify(define).replace('{', `{${keys},`)
  for (const body of [text, `{"event":${text}}`]) {
    t.equal((await container.postForText(pathOf(define), body)).slice(0, keys.length + 1), `{${keys}`)
  }
})

t.test(
  'no hostile text in any place of an event or payload is a fault, an unpublic error or a rejection',
  async (t) => {
    const texts = fc.constantFrom(
      HALF,
      `a${HALF}`,
      '\udfff',
      '\0',
      '__proto__',
      'constructor',
      '',
      '..',
      '\u202e',
      '%',
      'a|b',
    )
    const values = fc.oneof(
      texts,
      fc.constantFrom(null, 0, -1, true, [], {}, [HALF], 1e308),
      fc.jsonValue({ maxDepth: 3 }),
    )
    const places = fc.constantFrom(
      'response',
      'request',
      'userName',
      'region',
      'callerContext',
      'odd',
      '__proto__',
      'identifier',
      'username',
    )
    const inner = fc.constantFrom(
      'session',
      'challengeAnswer',
      'privateChallengeParameters',
      'clientMetadata',
      'userNotFound',
      '__proto__',
    )
    const changed = fc.tuple(
      fc.constantFrom(...events, preLogin, postAppend),
      places,
      inner,
      values,
      texts,
      fc.boolean(),
    )
    await fc.assert(
      fc.asyncProperty(changed, async ([event, place, inside, value, text, deeper]) => {
        // Two searches' worth of the tenant's limit, or the next one would wait for its place in a time that stands still.
        gateway.clock.advance(200)
        const request = {
          ...(event.request as object),
          [inside]: deeper ? { cognitoID: text, nonce: text, [text]: value } : value,
        }
        const payload = { ...event, [place]: place === 'request' ? request : value }
        const { statusCode } = await container.post(pathOf(event), payload)
        // A sender's trigger is refused by itself, with 501.
        if (statusCode >= 500 && statusCode !== 501) throw new Error(`${statusCode}`)
        if ('action' in event) {
          const answer = await gateway.action(payload)
          if (answer.statusCode >= 500) throw new Error(`action ${answer.statusCode}`)
        } else {
          await gateway.trigger(payload).catch((error) => {
            if (!PUBLIC.test(error.message)) throw error
          })
        }
      }),
      { numRuns: 300 },
    )
    const bugs = [...gateway.lines, ...container.lines].filter(({ reason }) => reason === 'internal')
    t.strictSame(bugs, [])
    t.strictSame(rejections, [])
  },
)
