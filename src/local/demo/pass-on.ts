import type { Clock } from '../../call.js'
import { fieldAt, fieldsOf, textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import { errorOf } from './calls.js'
import type { Trace, TraceBeginning } from './trace.js'

/** A browser's request for a stand-in. */
export interface Passed {
  readonly method: string
  /** Below the prefix, with its query. */
  readonly path: string
  /** Of the browser's tab, if it says so. */
  readonly tab?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface PassedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What a kind of request is called, and what its answer says in a few words. */
interface Words {
  about(request: Passed, input: unknown): TraceBeginning | undefined
  outcome(input: unknown, body: unknown): { readonly ok: boolean; readonly outcome: string }
}

export interface PassOnOptions {
  readonly clock: Clock
  readonly trace: Trace
  readonly url: string
  readonly words: Words
  /** May change what is sent. */
  rewrite?(request: Passed, input: unknown): Promise<Buffer | undefined>
  /** Sees what was answered. */
  onAnswer?(input: unknown, body: unknown): void
}

/** What is about one connection, or is made again. */
const OWN_HEADERS = [
  'host',
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'expect',
  'accept-encoding',
]

/** Passes requests on to a stand-in as they are, and has them traced. */
export function createPassOn({ clock, trace, url, words, rewrite, onAnswer }: PassOnOptions) {
  return async (request: Passed): Promise<PassedAnswer> => {
    const { method, path, tab, headers, body } = request
    const input = parseJson(body)
    const about = words.about(request, input)
    const end = about && trace.begin({ ...about, ...(tab !== undefined && { tab }) })
    const startedAt = clock.elapsed()
    try {
      const sent = (await rewrite?.(request, input)) ?? body
      const kept = Object.entries(headers).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string' && !OWN_HEADERS.includes(entry[0]),
      )
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: kept,
        ...(method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(sent) }),
      })
      const received = Buffer.from(await answer.arrayBuffer())
      const said = parseJson(received)
      const error = errorOf(answer.status, said)
      end?.({
        ms: clock.elapsed() - startedAt,
        ...(error === undefined ? words.outcome(input, said) : { ok: false, outcome: error }),
      })
      onAnswer?.(input, said)
      const type = answer.headers.get('content-type')
      return { status: answer.status, headers: type === null ? {} : { 'content-type': type }, body: received }
    } catch {
      end?.({ ms: null, ok: false, outcome: 'no answer' })
      return { status: 502, headers: {}, body: Buffer.from('') }
    }
  }
}

type TenantOf = (text: string) => string | undefined

/** Cognito's calls by their operations. */
export function cognitoWords(tenantOf: TenantOf): Words {
  return {
    about({ headers, method }, input) {
      const name = String(headers['x-amz-target'] ?? '')
        .split('.')
        .at(-1)
      if (method !== 'POST' || !name) return undefined
      const tenantId = tenantOf(textAt(input, 'ClientId') ?? '')
      const detail = textAt(input, 'AuthFlow') ?? textAt(input, 'ChallengeName')
      return { from: 'browser', to: 'cognito', name, ...(detail && { detail }), ...(tenantId && { tenantId }) }
    },
    outcome(input, body) {
      const challenge = textAt(body, 'ChallengeName')
      if (challenge !== undefined) {
        // Asked for the same once more: the answer was wrong.
        return { ok: challenge !== textAt(input, 'ChallengeName'), outcome: challenge }
      }
      if (fieldAt(body, 'AuthenticationResult') !== undefined) return { ok: true, outcome: 'tokens' }
      const sentTo = textAt(body, 'CodeDeliveryDetails', 'Destination')
      return { ok: true, outcome: sentTo === undefined ? 'done' : `a code to ${sentTo}` }
    },
  }
}

/** Corbado's calls by their paths. */
export function corbadoWords(tenantOf: TenantOf): Words {
  return {
    about({ headers, path }) {
      const [, name] = /^\/v2\/connect\/([\w/]+)$/.exec(path) ?? []
      if (name === undefined || name.startsWith('events')) return undefined
      const tenantId = tenantOf(String(headers['x-corbado-projectid'] ?? ''))
      return { from: 'browser', to: 'corbado', name, ...(tenantId && { tenantId }) }
    },
    outcome(_input, body) {
      const code = textAt(body, 'fallbackOperationError', 'error', 'code')
      if (code !== undefined) return { ok: false, outcome: code }
      if (fieldAt(body, 'fallbackOperationError', 'initFallback') === true) {
        return { ok: false, outcome: 'no passkey: another way to sign in' }
      }
      const { passkeys } = fieldsOf(body)
      if (Array.isArray(passkeys)) return { ok: true, outcome: `${passkeys.length} of them` }
      if (textAt(body, 'signedPasskeyData') !== undefined) return { ok: true, outcome: 'signedPasskeyData' }
      const asked = textAt(body, 'assertionOptions') ?? textAt(body, 'attestationOptions')
      return { ok: true, outcome: asked === undefined ? 'done' : 'asks for the passkey' }
    },
  }
}
