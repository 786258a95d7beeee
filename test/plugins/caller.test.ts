import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { CALLER_SECRETS_PARAMETER } from '../../src/local/accounts.js'
import { createCallerSecret } from '../../src/local/clients/caller.js'
import { type Container, signatureHeaders, startContainer } from '../fixtures/container.js'
import { defineEvent } from '../fixtures/events.js'
import { startGateway, untilWaiting } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const gateway = await startGateway(t)
const { clock, stack } = gateway
await gateway.addTenant(tenantFile())

const PATH = '/v1/pools/eu-central-1_Acme00001/triggers/define-auth-challenge'
const signedNow = () => signatureHeaders('', clock.now())

/** Sends a body that nobody has signed. */
async function sendForged({ url }: Container, body: string) {
  const headers = { 'content-type': 'application/json', ...signedNow() }
  const answer = await fetch(`${url}${PATH}`, { method: 'POST', headers, body })
  return ((await answer.json()) as { code: string }).code
}

t.test('while no secret is known, bodies with made-up signatures hold 64 MiB together', async (t) => {
  const container = await startContainer(t, gateway)
  await stack.ssm.setFault({ kind: 'hang' })
  const body = JSON.stringify('x'.repeat(1_000_000))
  await gateway.byHand(async () => {
    const codes: string[] = []
    const answering = Array.from({ length: 72 }, async () => codes.push(await sendForged(container, body)))
    // The 68th and all after it; without a bound no answer comes while time stands still.
    while (codes.length < 5) await setImmediate()
    t.strictSame(
      codes,
      Array.from({ length: 5 }, () => 'GW_ERR_OVERLOADED'),
    )
    const waits = Promise.all(answering)
    let ended = false
    void waits.then(() => {
      ended = true
    })
    while (!ended) {
      clock.advance(100)
      await setImmediate()
    }
    const others = codes.slice(5)
    t.strictSame(new Set(others), new Set(['GW_ERR_CALLER_SECRETS_UNAVAILABLE']), 'those had a place')
  })
  await stack.ssm.setFault(undefined)
  const all = await Promise.all(Array.from({ length: 60 }, () => sendForged(container, body)))
  t.strictSame(new Set(all), new Set(['GW_ERR_CALLER_UNSIGNED']), 'their room is free again')
})

t.test('what the headers alone refuse is refused before the body comes', async (t) => {
  const container = await startContainer(t, gateway)
  const seconds = (ms: number) => String(Math.floor((clock.now() + ms) / 1_000))
  const forged: Record<string, Record<string, string | undefined>> = {
    'too old': { 'webhook-timestamp': seconds(-302_000) },
    'too far ahead': { 'webhook-timestamp': seconds(302_000) },
    'no date': { 'webhook-timestamp': 'now' },
    'without a date': { 'webhook-timestamp': undefined },
    'an id with a dot': { 'webhook-id': 'msg.1' },
    'an id that is too long': { 'webhook-id': 'x'.repeat(257) },
    'without an id': { 'webhook-id': undefined },
    'a signature of another version': { 'webhook-signature': 'v2,AAAA' },
    'without a signature': { 'webhook-signature': undefined },
  }
  for (const [what, changed] of Object.entries(forged)) {
    const headers = {
      host: 'x',
      'content-type': 'application/json',
      'content-length': '1000000',
      ...signedNow(),
      ...changed,
    }
    const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
    const socket = connect(Number(new URL(container.url).port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(`POST ${PATH} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    const [piece] = (await once(socket, 'data')) as [Buffer]
    t.match(String(piece), /^HTTP\/1\.1 401[\s\S]*GW_ERR_CALLER_UNSIGNED/, what)
  }
})

t.test('a bad signature makes no good call wait, while the secrets are read again for it', async (t) => {
  const container = await startContainer(t, gateway)
  const define = async () => (await container.trigger(defineEvent([]))).statusCode
  const readAt = clock.elapsed()
  t.equal(await define(), 200)
  await stack.ssm.setFault({ kind: 'hang' })
  await gateway.byHand(async () => {
    const bad = sendForged(container, '{}')
    await untilWaiting(stack.ssm)
    // Time stands still, and SSM does not answer: whoever needs an answer of it waits.
    t.strictSame(await Promise.all([define(), define(), define()]), [200, 200, 200])
    t.equal(stack.ssm.waiting(), 1, 'they did not wait until its connection broke off')
    clock.advance(500)
    t.equal(await bad, 'GW_ERR_CALLER_UNSIGNED')
    clock.advance(30_000)
    t.equal(await define(), 200, 'nor after SSM has failed')
  })
  await stack.ssm.setFault(undefined)
  stack.ssm.put(CALLER_SECRETS_PARAMETER, createCallerSecret())
  clock.advance(299_999 - (clock.elapsed() - readAt))
  t.equal(await define(), 200, 'it may be up to 300 s old')
  clock.advance(1)
  t.equal(await define(), 401, 'a secret that was taken out stops working then, whatever has failed before')
})

t.test('a secret that was taken out stops working as soon as a signature that does not fit has it read', async (t) => {
  const container = await startContainer(t, gateway)
  const define = async () => (await container.trigger(defineEvent([]))).statusCode
  t.equal(await define(), 200)
  stack.ssm.put(CALLER_SECRETS_PARAMETER, createCallerSecret())
  t.equal(await define(), 200)
  t.equal(await sendForged(container, '{}'), 'GW_ERR_CALLER_UNSIGNED')
  t.equal(await define(), 401)
})
