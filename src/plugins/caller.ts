import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../call.js'
import { CallerReplayed, CallerSecretsUnavailable, CallerUnsigned, RequestInvalid } from '../errors.js'
import type { Callers } from '../tenant/callers.js'
import { isSigned, parseCallerSecrets, type SignatureHeaders, TOLERANCE_SECONDS } from './signature.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The request's bytes carry a valid signature of one of Corbado's callers. */
    signed: boolean
  }
  interface FastifyContextConfig {
    /** Anybody may call this route. */
    open?: boolean
    /** A signed request is served once: its `webhook-id` is remembered. */
    once?: boolean
  }
}

export interface CallerOptions {
  readonly callers: Callers
  readonly clock: Clock
}

/** As long as a signature can be valid, from the earliest clock that is accepted to the latest. */
const REPLAY_MS = 2 * TOLERANCE_SECONDS * 1_000

/** Serves direct invocations and open routes; every other request must be signed over its raw bytes. */
export const caller = fp<CallerOptions>(
  async (app: FastifyInstance, { callers, clock }) => {
    const mustBeSigned = (request: FastifyRequest) =>
      !request.direct && !request.routeOptions.config.open && !request.is404

    app.decorateRequest('signed', false)
    // Refused before the body is read.
    app.addHook('preParsing', (request, _reply, payload, done) => {
      if (mustBeSigned(request)) {
        if (!callers.configured || headersOf(request).signature === undefined) throw new CallerUnsigned()
      }
      done(null, payload)
    })
    // A request without a body never meets the parser.
    app.addHook('preValidation', (request, _reply, done) => {
      if (mustBeSigned(request) && !request.signed) throw new CallerUnsigned()
      done()
    })

    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      async (request: FastifyRequest, body: Buffer) => {
        if (request.is404) return undefined
        if (mustBeSigned(request)) {
          await assertSigned(request, body)
          request.signed = true
        }
        return parseJson(body)
      },
    )

    let parsed: { readonly text: string; readonly secrets: readonly Buffer[] } = { text: '', secrets: [] }
    function secretsOf(text: string): readonly Buffer[] {
      if (parsed.text !== text) parsed = { text, secrets: parseCallerSecrets(text) }
      return parsed.secrets
    }

    async function assertSigned(request: FastifyRequest, body: Buffer): Promise<void> {
      const headers = headersOf(request)
      const verify = (text: string) => isSigned(headers, body, secretsOf(text), clock.now())
      const known = await callers.secrets(request.call)
      if (known === undefined) throw new CallerSecretsUnavailable()
      if (!verify(known)) {
        const renewed = await callers.renewedSecrets(request.call)
        if (renewed === undefined || renewed === known || !verify(renewed)) throw new CallerUnsigned()
      }
      if (request.routeOptions.config.once && !callers.isFirst(headers.id ?? '', REPLAY_MS)) throw new CallerReplayed()
    }
  },
  { name: 'callers', dependencies: ['arrival', 'deadline'] },
)

function headersOf({ headers }: FastifyRequest): SignatureHeaders {
  const text = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return { id: text('webhook-id'), timestamp: text('webhook-timestamp'), signature: text('webhook-signature') }
}

/** Plain JSON.parse: keys such as `__proto__` stay part of an event, and are never merged into an object of ours. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new RequestInvalid('the body is not valid JSON')
  }
}
