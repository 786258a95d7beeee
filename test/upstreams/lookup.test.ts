import dns, { type LookupOptions } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { HttpRequest } from '@smithy/protocol-http'
import t from 'tap'
import { createExchanges } from '../../src/upstreams/connections/exchanges.js'
import { createLookup } from '../../src/upstreams/connections/lookup.js'
import { RequestHandler } from '../../src/upstreams/connections/requests.js'
import { createFrozenClock } from '../fixtures/clock.js'

const clock = createFrozenClock()
/** As many lookups as Node runs at a time, unless it is told to have more threads. */
const THREADS = 2

type Done = (error: Error | null, address?: unknown, family?: number) => void

/** The names that have been looked up, and how those end that nobody answers for. */
const asked: string[] = []
const held: Done[] = []
const queue: { readonly name: string; readonly options: LookupOptions; readonly done: Done }[] = []
let running = 0

/** Looks names up as Node does: a few at a time, and a lookup that has begun keeps its thread until it is answered. */
function work(): void {
  const next = running < THREADS ? queue.shift() : undefined
  if (!next) return
  const { name, options, done } = next
  running += 1
  const end: Done = (...result) => {
    running -= 1
    work()
    done(...result)
  }
  if (name.startsWith('broken')) held.push(end)
  else process.nextTick(() => end(null, ...found(options)))
}

const found = ({ all }: LookupOptions): [unknown, number?] =>
  all ? [[{ address: '127.0.0.1', family: 4 }]] : ['127.0.0.1', 4]
const lost = () => Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' })

const { lookup } = dns
dns.lookup = ((name: string, options: LookupOptions, done: Done) => {
  if (!name.endsWith('.test')) return Reflect.apply(lookup, dns, [name, options, done])
  asked.push(name)
  queue.push({ name, options, done })
  work()
}) as typeof lookup
t.teardown(() => Object.assign(dns, { lookup }))

const server = createServer((request, response) => void request.resume().on('end', () => response.end('{}')))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
t.teardown(() => void server.close().closeAllConnections())

interface Way {
  readonly name: string
  /** Sends a request on a new connection; what came of it. */
  send(host: string): Promise<string>
  close(): unknown
}

function ofCorbado(): Way {
  const exchanges = createExchanges(clock, {}, 0)
  return {
    name: 'Corbado',
    async send(host) {
      const { signal } = new AbortController()
      const exchanged = await exchanges.send({ method: 'GET', url: `http://${host}:${port}/`, headers: {}, signal })
      return exchanged.kind === 'answered' ? 'answered' : String((exchanged.error as NodeJS.ErrnoException).code)
    },
    close: () => exchanges.close(),
  }
}

function ofAws(): Way {
  const handler = new RequestHandler(clock, {})
  return {
    name: 'AWS',
    async send(hostname) {
      const request = new HttpRequest({ protocol: 'http:', hostname, port, method: 'GET', path: '/', headers: {} })
      try {
        const { response } = await handler.handle(request)
        response.body.resume()
        return 'answered'
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code)
      }
    },
    close: () => handler.destroy(),
  }
}

for (const create of [ofCorbado, ofAws]) {
  const way = create()
  t.teardown(() => way.close())
  const lookups = (name: string) => asked.filter((one) => one === name).length

  t.test(`a name that nobody answers for takes one thread, however many calls to ${way.name} want it`, async (t) => {
    const name = `broken.${way.name}.test`.toLowerCase()
    const calls = Array.from({ length: 16 }, () => way.send(name))
    while (held.length < 1) await setImmediate()
    for (const host of ['one', 'two', 'three']) t.equal(await way.send(`${host}.test`), 'answered')
    t.equal(lookups(name), 1)

    held.shift()?.(null, [{ address: '127.0.0.1', family: 4 }])
    t.strictSame(await Promise.all(calls), Array(16).fill('answered'), 'all have its answer')
  })

  t.test(`all that wait for a name of ${way.name} have its error, and the next call looks again`, async (t) => {
    const name = `broken-again.${way.name}.test`.toLowerCase()
    const calls = Array.from({ length: 3 }, () => way.send(name))
    while (held.length < 1) await setImmediate()
    // A request that never left is sent once more.
    let ended = false
    const results = Promise.all(calls).finally(() => {
      ended = true
    })
    while (!ended) {
      held.shift()?.(lost())
      await setImmediate()
    }
    t.strictSame(await results, Array(3).fill('ENOTFOUND'))

    const before = lookups(name)
    const next = way.send(name)
    while (held.length < 1) await setImmediate()
    t.equal(lookups(name), before + 1)
    held.shift()?.(null, [{ address: '127.0.0.1', family: 4 }])
    t.equal(await next, 'answered', 'and is answered if the name is well again')
  })
}

t.test('ten names are looked up at a time, the others in turn, and beyond a thousand none', async (t) => {
  const look = createLookup()
  const before = asked.length
  const found = (name: string) =>
    new Promise<unknown>((resolve) => look(name, { all: true }, (error, address) => resolve(error?.code ?? address)))
  const names = Array.from({ length: 1_000 }, (_, i) => `broken-${i}.test`)
  const all = names.map(found)
  t.equal(asked.length - before, 10)
  t.equal(await found('one-more.test'), 'EAI_AGAIN')
  t.equal(asked.length - before, 10, 'it was not looked up')

  let ended = false
  const results = Promise.all(all).finally(() => {
    ended = true
  })
  while (!ended) {
    held.shift()?.(null, [{ address: '127.0.0.1', family: 4 }])
    await setImmediate()
  }
  t.equal((await results).length, 1_000)
  t.strictSame(asked.slice(before), names, 'in the order in which they were wanted')
})

t.test('what is asked for in another way has an answer of its own', async (t) => {
  const look = createLookup()
  const found = (options: LookupOptions) =>
    new Promise<unknown>((resolve) => look('one.test', options, (_error, address) => resolve(address)))
  t.strictSame(await Promise.all([found({ all: true }), found({})]), [
    [{ address: '127.0.0.1', family: 4 }],
    '127.0.0.1',
  ])
})
