import type { KeyObject } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Clock } from '../call.js'
import { CallerReplayed, CallerSecretsUnavailable, CallerUnsigned, Internal, RequestInvalid } from '../errors.js'
import { LEVELS_MAX } from '../fields.js'
import type { Callers } from '../tenant/own/callers.js'
import type { Body, ReadBody } from './body.js'
import { isNestedBeyond } from './json-text.js'
import { isSigned, mayBeSigned, parseCallerSecrets, type SignatureHeaders, TOLERANCE_SECONDS } from './signature.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** An HTTP request to a route that is not open. */
    mustBeSigned: boolean
    /** The request's bytes carry a valid signature of one of Corbado's callers. */
    signed: boolean
    /** The `webhook-id` that was remembered for this request. */
    webhookId: string | undefined
    /** The body as it came over HTTP; empty for a direct invocation. */
    bodyText: string
  }
  interface FastifyContextConfig {
    /** Any caller may use this route without a signature. */
    open?: boolean
    /** A signed request is served once: its `webhook-id` is remembered. */
    once?: boolean
  }
}

export interface CallerOptions {
  readonly callers: Callers
  readonly clock: Clock
  readonly readBody: ReadBody
}

/** How long an id is remembered: as long as a signature can be valid, from the earliest accepted time to the latest. */
const REPLAY_MS = 2 * TOLERANCE_SECONDS * 1_000

/** Serves direct invocations and open routes; every other request must be signed over its raw bytes. */
export const caller = fp<CallerOptions>(
  async (app: FastifyInstance, { callers, clock, readBody }) => {
    app.decorateRequest('mustBeSigned', false)
    app.decorateRequest('signed', false)
    app.decorateRequest('webhookId', undefined)
    app.decorateRequest('bodyText', '')
    // Refused before the body is read.
    app.addHook('preParsing', (request, _reply, payload, done) => {
      // Asked once: Fastify builds the route's options again each time they are read.
      request.mustBeSigned = !request.direct && !request.is404 && !request.routeOptions.config.open
      if (request.mustBeSigned) {
        if (!callers.configured || !mayBeSigned(headersOf(request), clock.now())) throw new CallerUnsigned()
      }
      done(null, payload)
    })
    // A request without a body never meets the parser.
    app.addHook('preValidation', (request, _reply, done) => {
      if (request.mustBeSigned && !request.signed) throw new CallerUnsigned()
      done()
    })
    // After a fault, nothing has been done that must not be done again, and the standard's senders repeat under the same
    // id.
    app.addHook('onSend', (request, reply, payload, done) => {
      if (request.webhookId !== undefined && reply.statusCode >= 500) callers.forget(request.webhookId)
      done(null, payload)
    })

    app.removeAllContentTypeParsers()
    app.addContentTypeParser('application/json', (request, message, done) => {
      readBody(message, (error, body) => (body ? parse(request, body, done) : done(error)))
    })
    function parse(
      request: FastifyRequest,
      { bytes, release }: Body,
      done: (error: Error | null, value?: unknown) => void,
    ): void {
      // An error in here becomes the answer; one that `done` throws is not ours to catch.
      const finish = () => {
        const [error, value] = attempt(() => {
          if (request.mustBeSigned) accept(request)
          request.bodyText = bytes.toString('utf8')
          return parseJson(request.bodyText)
        })
        done(error, value)
      }
      const isDecided = request.is404 || !request.mustBeSigned || isSignedBy(callers.known, request, bytes)
      if (!isDecided) return void assertSigned(request, bytes).finally(release).then(finish, done)
      release()
      if (request.is404) done(null, undefined)
      else finish()
    }

    let parsed: { readonly text: string; readonly secrets: readonly KeyObject[] } = { text: '', secrets: [] }
    function isSignedBy(text: string | undefined, request: FastifyRequest, body: Buffer): boolean {
      if (text === undefined) return false
      if (parsed.text !== text) parsed = { text, secrets: parseCallerSecrets(text) }
      return isSigned(headersOf(request), body, parsed.secrets, clock.now())
    }

    /** Fetches the secrets, and again if they do not fit the signature: they may be old, or not here yet. */
    async function assertSigned(request: FastifyRequest, body: Buffer): Promise<void> {
      const text = await callers.secrets(request.call)
      if (text === undefined) throw new CallerSecretsUnavailable()
      if (isSignedBy(text, request, body)) return
      const renewed = await callers.renewedSecrets(request.call)
      if (renewed === text || !isSignedBy(renewed, request, body)) throw new CallerUnsigned()
    }

    function accept(request: FastifyRequest): void {
      request.signed = true
      const { id = '' } = headersOf(request)
      if (!request.routeOptions.config.once) return
      if (!callers.isFirst(id, REPLAY_MS)) throw new CallerReplayed()
      request.webhookId = id
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

/** A result for a callback, which takes errors as values. */
function attempt(run: () => unknown): [error: Error | null, value?: unknown] {
  try {
    return [null, run()]
  } catch (error) {
    return [error instanceof Error ? error : new Internal()]
  }
}

/** Plain JSON.parse: keys such as `__proto__` stay part of an event, and are never merged into an object of ours. */
function parseJson(text: string): unknown {
  if (isNestedBeyond(text, LEVELS_MAX)) throw new RequestInvalid('the body is nested too deeply')
  try {
    return JSON.parse(text)
  } catch {
    throw new RequestInvalid('the body is not valid JSON')
  }
}
