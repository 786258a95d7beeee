/** Passkeys with Corbado's own client, `@corbado/web-core`, as it is published; only its address is ours. */
import { type ConnectError, ConnectService, PasskeyLoginSource } from '@corbado/web-core'
import { type ConnectTokenAnswer, type DemoTenant, PATHS, type TokenType, tabPath } from '../api.js'
import { ask, jsonOf, TAB } from './ask.js'
import { fallbackText, Told } from './words.js'

// FingerprintJS, which is in Corbado's client, tells its maker of one page in a thousand; this is its own switch for that.
Object.assign(window, { __fpjs_d_m: true })

/** A passkey was used: what Cognito is to be shown for it, and whose it says it is. */
export interface Proof {
  readonly signedPasskeyData: string
  readonly username: string
}

/** One of a user's passkeys. */
export interface PasskeyInfo {
  readonly id: string
  readonly made: Date
  readonly used: Date
  readonly name: string
  readonly where: string
}

/** There is a passkey for that name. */
export interface Found {
  /** Has the browser ask for it. */
  use(): Promise<Proof>
}

/** The app goes on to its own sign-in; `code` is Corbado's or the gateway's. */
export interface NoPasskey {
  readonly code: string
  readonly text: string
  /** The name is wrong, so a password would not help either. */
  readonly unknown: boolean
}

/** One app's passkeys. */
export interface Passkeys {
  /** Who used a passkey on this device last. */
  last(): string | undefined
  forget(): void
  /** By name: Corbado looks it up through pre-login. */
  find(identifier: string, from: 'field' | 'one-tap'): Promise<Found | NoPasskey>
  /** Lets the browser suggest passkeys in the sign-in field, until one is chosen, or {@link stop} is called and it rejects. */
  suggest(chosen: () => void): Promise<Proof>
  add(token: string): Promise<void>
  list(token: string): Promise<readonly PasskeyInfo[]>
  remove(token: string, id: string): Promise<void>
  stop(): void
}

/** Does this browser know passkeys at all? */
export function hasPasskeys(): boolean {
  return window.PublicKeyCredential !== undefined && typeof navigator.credentials?.create === 'function'
}

/** Makes one app's passkeys. */
export function createPasskeys({ projectId }: DemoTenant): Passkeys {
  const openedAt = performance.now()
  const loadedMs = () => Math.round(performance.now() - openedAt)
  const service = new ConnectService(projectId, '', false, `${location.origin}${PATHS.corbado}${tabPath(TAB)}`)
  return {
    last: () => service.getLastLogin()?.identifierValue || undefined,
    forget: () => service.clearLastLogin(),
    async find(identifier, from) {
      const source = from === 'one-tap' ? PasskeyLoginSource.OneTap : PasskeyLoginSource.TextField
      const started = take(await service.loginStart(identifier, source, loadedMs()))
      const { assertionOptions, fallbackOperationError: fallback } = started
      if (!assertionOptions || fallback?.initFallback || fallback?.error) return noPasskey(fallback?.error)
      return { use: async () => proofOf(take(await service.loginContinue(started))) }
    },
    async suggest(chosen) {
      const { loginAllowed, conditionalUIChallenge } = take(await service.loginInit(new AbortController()))
      if (!loginAllowed || conditionalUIChallenge === null) throw new Told('no_suggestion', 'Type your name.')
      return proofOf(take(await service.conditionalUILogin(nothing, chosen, nothing, loadedMs())))
    },
    async add(token) {
      take(await service.appendInit(new AbortController()))
      const { attestationOptions } = take(await service.startAppend(token, loadedMs(), undefined, true))
      if (!attestationOptions) throw new Told('append_denied', 'Corbado offers no passkey on this device.')
      take(await service.completeAppend(attestationOptions, 'manual'))
    },
    async list(token) {
      take(await service.manageInit(new AbortController()))
      const { passkeys } = take(await service.manageList(token, true))
      return passkeys.map((one) => ({
        id: one.id,
        made: new Date(one.createdMs),
        used: new Date(one.lastUsedMs),
        name: one.aaguidDetails?.name || 'Passkey',
        where: [one.sourceBrowser, one.sourceOS].filter(Boolean).join(' on '),
      }))
    },
    async remove(token, id) {
      take(await service.manageDelete(token, id))
    },
    stop: () => service.dispose(),
  }
}

const nothing = () => {}

type Answer<T> = { readonly ok: true; readonly val: T } | { readonly ok: false; readonly val: ConnectError }

function take<T>(result: Answer<T>): T {
  if (result.ok) return result.val
  throw result.val
}

/** What `login/finish` answers; the package does not export its name. */
type LoginFinish = Extract<Awaited<ReturnType<ConnectService['loginContinue']>>, { ok: true }>['val']

function proofOf({ signedPasskeyData, passkeyOperation, fallbackOperationError }: LoginFinish): Proof {
  if (signedPasskeyData) {
    return { signedPasskeyData, username: webauthnIdOf(signedPasskeyData) ?? passkeyOperation.identifierValue }
  }
  const { code = 'unexpected_error', message } = fallbackOperationError?.error ?? {}
  throw new Told(code, fallbackText(code, message))
}

/** Whose passkey it was, as the proof says; that is only believed once Cognito has had it checked. */
function webauthnIdOf(jwt: string): string | undefined {
  const payload = jwt.split('.')[1]
  if (payload === undefined) return undefined
  const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
  if (typeof claims !== 'object' || claims === null || !('webauthnId' in claims)) return undefined
  return String(claims.webauthnId)
}

function noPasskey(error: { readonly code: string; readonly message?: string } | undefined): NoPasskey {
  const { code = 'no_passkey', message } = error ?? {}
  return { code, text: fallbackText(code, message), unknown: code === 'user_not_found' }
}

/** The gateway gives a user one token of a kind in two seconds. */
const NEXT_TOKEN_MS = 2_100
/** When the last of each kind was given, by tenant and type. */
const given = new Map<string, number>()

/** Asks for a connect token with the ID token of who is signed in; whoever is too quick for the next one waits. */
export async function connectToken(tenantId: string, type: TokenType, idToken: string): Promise<string> {
  const kind = `${tenantId} ${type}`
  const waitMs = (given.get(kind) ?? 0) + NEXT_TOKEN_MS - performance.now()
  if (given.has(kind) && waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  const sent = jsonOf({ tenantId, type }, { authorization: `Bearer ${idToken}` })
  const body = await ask<ConnectTokenAnswer>(`${PATHS.connectToken}?tab=${TAB}`, sent)
  given.set(kind, performance.now())
  if ('connectToken' in body) return body.connectToken
  throw Object.assign(new Error(body.message), { name: body.code })
}
