import { type Call, type Clock, SLICE_MS } from '../call.js'
import type { Env } from '../env.js'
import { isUpstreamError, type UpstreamError, type UpstreamFaultKind, upstreamError } from '../errors.js'
import { type TenantKey, tenantKey } from '../ids.js'
import type { Reason } from '../reasons.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import { createExpiringCache, failureMemoryMs, type LoadCounts } from '../resilience/expiring-cache.js'
import { isParameterMissing, type Upstreams } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'

/**
 * A tenant's credential for the Backend API, ready to send, or why there is none: the value in SSM cannot be used, or SSM
 * failed.
 */
export type BackendCredential = UsableCredential | { readonly kind: SecretFault }
interface UsableCredential {
  readonly kind: 'usable'
  readonly authorization: string
}
/** As far as it tells whether a credential was refused. */
interface BackendAnswer {
  readonly kind: string
  readonly facts?: { readonly status?: number | undefined }
}
/** The secret of an app client, or why there is none. */
export type ClientSecret = { readonly kind: 'usable'; readonly secret: string } | { readonly kind: SecretFault }
/** Why there is no usable secret: the parameter's doing, or SSM's. */
export type SecretFault = UnusableSecret | 'denied' | 'throttled' | 'timeout' | 'unavailable'
type UnusableSecret = 'missing' | 'malformed' | 'wrong-project'

/** A stored value, if it can be used. */
type Stored = { readonly kind: 'usable'; readonly authorization: string } | { readonly kind: UnusableSecret }

/** Tenants' secrets, as SSM holds them. */
export interface TenantSecrets {
  /** Never throws: a missing, malformed or unreadable secret is a value. */
  backendCredential(config: TenantConfig, call: Call): Promise<BackendCredential>
  /**
   * Sends something with a credential. After a 401 SSM is asked again, at most once a tenant in 30 s; a rotation shows as a
   * value other than the refused one, and with that it is sent once more: nothing was done yet.
   */
  authorized<A extends BackendAnswer>(
    credential: UsableCredential,
    config: TenantConfig,
    call: Call,
    send: (authorization: string) => Promise<A>,
  ): Promise<A>
  /** The secret of the app client of post-login. Never throws: a missing, malformed or unreadable secret is a value. */
  clientSecret(config: TenantConfig, parameter: string, call: Call): Promise<ClientSecret>
  /** After Cognito refused it: asks SSM again, at most once a tenant in 30 s, and answers what holds now. */
  clientSecretAfterRefusal(config: TenantConfig, parameter: string, call: Call): Promise<ClientSecret>
  /** How many secrets had to make room for others. */
  evictions(): number
  /** How often they were asked for, and what came of it. */
  loads(): LoadCounts
}

/** While SSM fails, the last known good secret serves as long as a config does. */
const KEEP_MS = 24 * 3_600_000
const REREAD_MS = 30_000

/** Reads tenants' secrets from SSM, through one cache for each kind. */
export function createTenantSecrets(
  env: Pick<Env, 'maxTenantsInMemory' | 'secretTtlSeconds'>,
  fetchParameter: Upstreams['fetchParameter'],
  clock: Clock,
): TenantSecrets {
  const nextReread = createBoundedMap<TenantKey, number>(2 * env.maxTenantsInMemory)
  const ttlMs = env.secretTtlSeconds * 1_000

  /** A cache of one kind of secret, read from the SSM parameter that `nameOf` names. */
  function cacheOf<V extends { readonly kind: string }, Facts>(
    nameOf: (facts: Facts) => string,
    read: (value: string, facts: Facts) => V,
  ) {
    type Held = (V | { readonly kind: 'missing' }) & { readonly version?: number | undefined }
    return createExpiringCache<Held, [Facts]>({
      clock,
      max: env.maxTenantsInMemory,
      upstream: 'ssm',
      operation: 'GetParameter',
      loadMs: SLICE_MS.ssm,
      async load(call, facts) {
        const value = await fetch(nameOf(facts), call, (text) => read(text, facts))
        if (value.kind === 'usable') return { value, freshMs: ttlMs, staleMs: ttlMs, keepMs: KEEP_MS }
        // SSM itself works: the value from before must stop working, and a corrected one must count soon.
        const ms = failureMemoryMs()
        return { value, freshMs: ms, staleMs: ms, keepMs: ms }
      },
      failureMs: failureMemoryMs,
    })
  }

  /** @throws what SSM failed with */
  async function fetch<V>(name: string, call: Call, read: (value: string) => V) {
    try {
      const { value, version } = await fetchParameter(name, call)
      return { ...read(value.trim()), version }
    } catch (error) {
      if (isParameterMissing(error)) return { kind: 'missing' as const }
      throw error
    }
  }

  const secrets = cacheOf(({ credentialParameter }: TenantConfig['corbado']) => credentialParameter, toCredential)
  const clientSecrets = cacheOf((parameter: string) => parameter, toClientSecret)

  /** Whether a value can be used depends on scheme and project: with another config it is read again. */
  const keyOf = ({ userPoolId, corbado }: TenantConfig) =>
    tenantKey(userPoolId, corbado.credentialParameter, corbado.credentialScheme, corbado.projectId)

  async function backendCredential(config: TenantConfig, call: Call): Promise<BackendCredential> {
    const key = keyOf(config)
    const here = secrets.fresh(key)
    try {
      const { version, ...credential } = here ?? (await secrets.get(key, call, config.corbado)).value
      call.note({ secretVersion: version, ...(here && here.kind !== 'usable' && { remembered: true }) })
      return credential
    } catch (error) {
      if (isUpstreamError(error)) return { kind: faultOf(error) }
      throw error
    }
  }

  async function clientSecret(parameter: string, key: TenantKey, call: Call): Promise<ClientSecret> {
    try {
      const { version, ...secret } = (await clientSecrets.get(key, call, parameter)).value
      call.note({ secretVersion: version })
      return secret
    } catch (error) {
      if (isUpstreamError(error)) return { kind: faultOf(error) }
      throw error
    }
  }

  /** Makes the next call ask SSM again for a refused value, at most once in {@link REREAD_MS}. */
  function reread(key: TenantKey, expire: (key: TenantKey) => void): void {
    if (clock.elapsed() < (nextReread.get(key) ?? 0)) return
    nextReread.set(key, clock.elapsed() + REREAD_MS)
    expire(key)
  }

  return {
    loads: () => ({
      done: secrets.loads.done + clientSecrets.loads.done,
      failed: secrets.loads.failed + clientSecrets.loads.failed,
    }),
    evictions: () => secrets.evictions + clientSecrets.evictions,
    clientSecret: ({ userPoolId }, parameter, call) => clientSecret(parameter, tenantKey(userPoolId, parameter), call),
    clientSecretAfterRefusal({ userPoolId }, parameter, call) {
      const key = tenantKey(userPoolId, parameter)
      reread(key, clientSecrets.expire)
      return clientSecret(parameter, key, call)
    },
    backendCredential,
    async authorized(credential, config, call, send) {
      const answer = await send(credential.authorization)
      if (answer.kind !== 'unauthorized' || answer.facts?.status !== 401) return answer
      reread(keyOf(config), secrets.expire)
      const renewed = await backendCredential(config, call)
      const isOther = renewed.kind === 'usable' && renewed.authorization !== credential.authorization
      return isOther ? send(renewed.authorization) : answer
    },
  }
}

/** What SSM did instead of answering, in the words of a log line. */
function faultOf({ kind }: UpstreamError): SecretFault {
  if (kind === 'denied' || kind === 'expired') return 'denied'
  return kind === 'throttled' || kind === 'timeout' ? kind : 'unavailable'
}

/** Cognito's secrets of app clients are letters and digits, `_` and `+` (API model: at most 64). */
function toClientSecret(
  value: string,
): { readonly kind: 'usable'; readonly secret: string } | { readonly kind: 'malformed' } {
  return /^[\w+]{1,64}$/.test(value) ? { kind: 'usable', secret: value } : { kind: 'malformed' }
}

/** `basic`: base64 of `projectID:apiSecret`, refused if the project is another tenant's. `bearer`: the key as it is. */
function toCredential(value: string, { credentialScheme, projectId }: TenantConfig['corbado']): Stored {
  if (credentialScheme === 'bearer') {
    return /^[\w.~+/=-]+$/.test(value) ? { kind: 'usable', authorization: `Bearer ${value}` } : { kind: 'malformed' }
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return { kind: 'malformed' }
  const [project, secret] = Buffer.from(value, 'base64').toString('utf8').split(':', 2)
  if (!project || !secret) return { kind: 'malformed' }
  return project === projectId ? { kind: 'usable', authorization: `Basic ${value}` } : { kind: 'wrong-project' }
}

/** A value that cannot be used counts as an answer that cannot be read; the others are what SSM did. */
const faults = {
  missing: ['malformed', 'secret_missing'],
  malformed: ['malformed', 'secret_malformed'],
  'wrong-project': ['malformed', 'secret_wrong_project'],
  denied: ['denied', 'secret_denied'],
  throttled: ['throttled', 'secret_throttled'],
  timeout: ['timeout', 'secret_timeout'],
  unavailable: ['unavailable', 'secret_unavailable'],
} as const satisfies Record<SecretFault, readonly [UpstreamFaultKind, Reason]>

/** The error of a call whose secret cannot be had or used. */
export function secretFault(kind: SecretFault): UpstreamError {
  const [fault, reason] = faults[kind]
  return Object.assign(upstreamError('ssm', fault, { operation: 'GetParameter' }), { reason })
}
