import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import { type DemoConfig, type DemoProblem, PATHS } from './api.js'
import type { Answered, TokenRequest } from './connect-token.js'
import { elsewherePage, PAGE_HEADERS, type PageFile } from './pages.js'
import type { Passed, PassedAnswer } from './pass-on.js'
import type { Trace } from './trace.js'

/** What is served, by whom it is made. */
export interface DemoRoutes {
  config(): DemoConfig
  connectToken(request: TokenRequest): Promise<Answered<object>>
  outbox(tenantId: string | undefined): object
  explain(tenantId: string | undefined, flowId: string | undefined): Promise<Answered<object>>
  provoke: { active(): object; change(body: unknown): Promise<Answered<object>> }
  cognito(request: Passed): Promise<PassedAnswer>
  corbado(request: Passed): Promise<PassedAnswer>
  readonly trace: Trace
}

export interface DemoServer {
  readonly url: string
  /** From now on what is made is served; before that, a page that asks waits. */
  serve(routes: DemoRoutes): void
  stop(): Promise<void>
}

/** A proxy or a sleeping machine drops a connection on which nothing is said. */
const HEARTBEAT_MS = 15_000
const BODY_BYTES_MAX = 1024 * 1024

/** @throws the listener's error, with `code` and `port`, if the port is taken */
export async function startDemoServer(pages: readonly PageFile[], port: number): Promise<DemoServer> {
  // Streams of events never end by themselves.
  const app = Fastify({ forceCloseConnections: true, bodyLimit: BODY_BYTES_MAX })
  let ready: (routes: DemoRoutes) => void = () => {}
  const routes = new Promise<DemoRoutes>((resolve) => {
    ready = resolve
  })
  let host = ''
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(PAGE_HEADERS)
    const refused = refusal(request, host)
    if (refused === undefined) done()
    else refused(reply)
  })
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const { statusCode = 500 } = error
    return say(reply, statusCode, { code: 'not_served', message: 'This could not be served.' })
  })
  app.setNotFoundHandler((_request, reply) => say(reply, 404, { code: 'not_found', message: 'There is no such page.' }))
  for (const { path, type, text } of pages) app.get(path, (_request, reply) => reply.type(type).send(text))
  addRoutes(app, routes)
  await app.listen({ host: '127.0.0.1', port })
  host = `localhost:${(app.server.address() as AddressInfo).port}`
  return { url: `http://${host}`, serve: ready, stop: () => app.close() }
}

function say(reply: FastifyReply, status: number, problem: DemoProblem) {
  return reply.code(status).send(problem)
}

/**
 * A passkey of `localhost` is of no use at an address, and a name that somebody points here must not become an origin that
 * reads what is served. A request that another site's page makes is refused, whatever it asks.
 */
function refusal(request: FastifyRequest, host: string): ((reply: FastifyReply) => void) | undefined {
  const { origin, host: given = '' } = request.headers
  // The page that says so is read under the other name, and has nothing else of ours.
  if (request.method === 'GET' && request.url === '/style.css') return undefined
  const { port } = new URL(`http://${host}`)
  if ([`127.0.0.1:${port}`, `[::1]:${port}`].includes(given) && request.method === 'GET') {
    return (reply) => void reply.redirect(`http://${host}${request.url}`, 302)
  }
  if (given === host && (origin === undefined || origin === `http://${host}`)) return undefined
  if (request.method === 'GET' && request.headers.accept?.includes('text/html') && origin === undefined) {
    return (reply) =>
      void reply
        .code(403)
        .type('text/html; charset=utf-8')
        .send(elsewherePage(`http://${host}/`))
  }
  const message = `This is served at http://${host} alone.`
  return (reply) => void say(reply, 403, { code: 'foreign_origin', message })
}

const bodyOf = ({ body }: FastifyRequest) => (Buffer.isBuffer(body) ? body : Buffer.alloc(0))
const jsonOf = (request: FastifyRequest) => parseJson(bodyOf(request))

function addRoutes(app: FastifyInstance, routes: Promise<DemoRoutes>): void {
  const answer = (reply: FastifyReply, { status, body }: Answered<object>) => reply.code(status).send(body)

  app.get(PATHS.config, async () => (await routes).config())
  app.get(PATHS.outbox, async ({ query }) => (await routes).outbox(textAt(query, 'tenantId')))
  app.get(PATHS.explain, async ({ query }, reply) => {
    const { explain } = await routes
    return answer(reply, await explain(textAt(query, 'tenantId'), textAt(query, 'flowId')))
  })
  app.get(PATHS.provoke, async () => (await routes).provoke.active())
  app.post(PATHS.provoke, async (request, reply) => {
    return answer(reply, await (await routes).provoke.change(jsonOf(request)))
  })
  app.post(PATHS.connectToken, async (request, reply) => {
    const { authorization, host } = request.headers
    const tab = textAt(request.query, 'tab')
    const asked = { body: jsonOf(request), authorization, origin: `http://${host}`, tab }
    return answer(reply, await (await routes).connectToken(asked))
  })
  app.get(PATHS.trace, async (request, reply) => {
    const { trace } = await routes
    reply.hijack()
    stream(trace, request, reply)
  })
  for (const name of ['cognito', 'corbado'] as const) {
    app.all(`${PATHS[name]}/*`, (request, reply) => passOn(name, request, reply))
    app.all(PATHS[name], (request, reply) => passOn(name, request, reply))
  }

  async function passOn(name: 'cognito' | 'corbado', request: FastifyRequest, reply: FastifyReply) {
    const { method, url, headers } = request
    const [, tab, path = ''] = /^(?:\/tab-([\w-]+))?(.*)$/.exec(url.slice(PATHS[name].length)) ?? []
    const passed = await (await routes)[name]({ method, path: path || '/', tab, headers, body: bodyOf(request) })
    reply.code(passed.status).headers(passed.headers)
    return passed.body.length === 0 ? reply.send() : reply.send(passed.body)
  }
}

/** Server-sent events: what was missed, then each as it comes. A browser that lost the connection says what it has. */
function stream(trace: Trace, { query, headers }: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply
  raw.writeHead(200, { ...PAGE_HEADERS, 'content-type': 'text/event-stream' })
  raw.write(': here\n\n')
  const after = Number(headers['last-event-id'] ?? textAt(query, 'after') ?? 0) || 0
  const end = trace.follow(after, ({ id, event }) => raw.write(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`))
  const beat = setInterval(() => raw.write(': \n\n'), HEARTBEAT_MS)
  raw.once('close', () => {
    clearInterval(beat)
    end()
  })
}
