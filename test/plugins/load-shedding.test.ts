import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { loadShedding } from '../../src/plugins/server/load-shedding.js'
import { type Container, signatureHeaders, startContainer } from '../fixtures/container.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway, untilWaiting } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const POOL = 'eu-central-1_Acme00001'
const CALLS = 20
const env = { triggerDeadlineMs: 4_200 }

const gateway = await startGateway(t)
const { clock, stack } = gateway
await gateway.addTenant(tenantFile())

function startDoor(requestsMax?: number): Promise<Container> {
  const shedding = { env, clock, ...(requestsMax !== undefined && { requestsMax }) }
  return startContainer(t, gateway, { extend: (app) => void app.register(loadShedding, shedding) })
}

function requestText(trigger: string, event: object): string {
  const body = JSON.stringify(event)
  const headers = { host: 'gateway', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const lines = Object.entries({ ...headers, ...signatureHeaders(body, clock.now()) }).map((pair) => pair.join(': '))
  return `POST /v1/pools/${POOL}/triggers/${trigger} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}
/** What browsers ask before they send a token: nobody has signed it. */
const preflight = `OPTIONS /v1/pools/${POOL}/connect-tokens HTTP/1.1\r\nhost: gateway\r\n\r\n`
const define = () => requestText('define-auth-challenge', defineEvent([]))

/** A connection, over which requests are written at once and whole, so that the machine has them. */
function open({ url }: Container) {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  const waiting: ((answer: { status: number; head: string }) => void)[] = []
  socket.on('data', (piece) => {
    text += piece
    const head = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n/.exec(text)
    const length = Number(/content-length: (\d+)/i.exec(head?.[0] ?? '')?.[1])
    if (!head || text.length < head[0].length + length) return
    text = text.slice(head[0].length + length)
    waiting.shift()?.({ status: Number(head[1]), head: head[0] })
  })
  return {
    socket,
    send(request: string) {
      socket.write(request)
      return new Promise<{ status: number; head: string }>((resolve) => waiting.push(resolve))
    },
  }
}

/** Kept connections over which a call has been answered already. */
async function openKept(door: Container) {
  const connections = Array.from({ length: CALLS }, () => open(door))
  await Promise.all(connections.map(({ send }) => send(define())))
  return connections
}

const statuses = (answers: readonly { status: number }[]) => answers.map(({ status }) => status)
const all = (status: number) => Array.from({ length: CALLS }, () => status)

t.test(
  'calls that waited through a stall of the loop until no time is left for them are refused, and health is not',
  async (t) => {
    const door = await startDoor()
    const connections = await openKept(door)
    door.take()
    const answering = connections.map(({ send }) => send(define()))
    const alive = fetch(`${door.url}/health/live`)
    const unsigned = open(door).send(preflight)
    // Nothing else happens in these 3.9 seconds: what has been written waits.
    clock.advance(3_900)
    const answers = await Promise.all(answering)
    t.strictSame(statuses(answers), all(503))
    for (const { head } of answers) t.match(head, /retry-after: 1/i)
    t.equal((await alive).status, 200)
    t.match(await unsigned, { status: 503 }, 'a request that needs no signature is no health check')
    t.match(
      door.take(),
      [...all(503), 503].map(() => ({ outcome: 'fault', err: { code: 'GW_ERR_OVERLOADED' } })),
    )
    t.strictSame(
      statuses(await Promise.all(connections.map(({ send }) => send(define())))),
      all(200),
      'nothing waits any more',
    )
  },
)

t.test('20 calls that waited through a stall of 2.5 s are answered, since 1.7 s are left', async (t) => {
  const connections = await openKept(await startDoor())
  const answering = connections.map(({ send }) => send(define()))
  clock.advance(2_500)
  t.strictSame(statuses(await Promise.all(answering)), all(200))
})

t.test('what a call waited before it was read is part of its time', async (t) => {
  const [connection] = await openKept(await startDoor())
  await stack.corbado.setFault({ kind: 'hang' })
  const proof = await stack.corbado.sign('pro-1001', '7c9e6679-7425-40de-944b-e07fc1f90ae7')
  const answering = connection?.send(requestText('verify-auth-challenge-response', verifyEvent(proof)))
  clock.advance(2_500)
  await gateway.byHand(async () => {
    await untilWaiting(stack.corbado)
    // Time stands still then: without the wait counted in, it would never be answered.
    clock.advance(1_800)
    t.match(await answering, { status: 200 })
  })
  await stack.corbado.setFault(undefined)
})

t.test('new connections that waited at the port are counted as if they had been read', async (t) => {
  const door = await startDoor()
  await openKept(door)
  const connections = Array.from({ length: CALLS }, () => open(door))
  const answering = connections.map(({ send }) => send(define()))
  clock.advance(3_900)
  t.strictSame(statuses(await Promise.all(answering)), all(503))
})

t.test('1,000 first calls at once to a fresh container: 1,000 are answered', async (t) => {
  const door = await startDoor()
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => open(door).send(define())))
  t.equal(answers.filter(({ status }) => status === 200).length, 1_000)
})

t.test('no more requests are under way than may be, however few connections bring them', async (t) => {
  const door = await startDoor(2)
  let letGo = () => {}
  const until = new Promise<void>((resolve) => {
    letGo = resolve
  })
  await stack.corbado.setFault({ kind: 'held', until: () => until })
  const proof = await stack.corbado.sign('pro-1001', '7c9e6679-7425-40de-944b-e07fc1f90ae7')
  const verify = (nonce: string) => {
    const request = { privateChallengeParameters: { cognitoID: '7c9e6679-7425-40de-944b-e07fc1f90ae7', nonce } }
    return requestText('verify-auth-challenge-response', verifyEvent(proof, request))
  }
  const [one, two, three] = [open(door), open(door), open(door)]
  const before = stack.corbado.calls.length
  const running = [one.send(verify('one')), two.send(verify('two'))]
  while (stack.corbado.calls.length < before + 2) await setImmediate()
  t.match(await three.send(define()), { status: 503 })
  t.match(await three.send(preflight), { status: 503 })
  t.equal((await fetch(`${door.url}/health/live`)).status, 200)
  letGo()
  t.strictSame(statuses(await Promise.all(running)), [200, 200])
  t.match(await three.send(define()), { status: 200 })
  await stack.corbado.setFault(undefined)

  const gone = open(door)
  const stays = open(door)
  await stack.corbado.setFault({ kind: 'hang' })
  void gone.send(verify('gone'))
  void stays.send(verify('stays'))
  await gateway.byHand(async () => {
    await untilWaiting(stack.corbado, 2)
    t.match(await three.send(define()), { status: 503 })
    gone.socket.destroy()
    let answer = await three.send(define())
    while (answer.status === 503) answer = await three.send(define())
    t.equal(answer.status, 200, 'a caller that went away takes no place')
  })
  await stack.corbado.setFault(undefined)
})
