import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  type GatewayError,
  isGatewayError,
  reasonOf,
  TenantDraft,
  TenantSuspended,
  TenantUnknown,
  TenantWrongAlias,
} from '../errors.js'
import { isUserPoolId } from '../ids.js'
import type { Reason } from '../reasons.js'
import type { Asker, TenantConfig, TenantContext, Tenants } from '../tenant/context.js'

/** Who asks: a pool, and for a trigger the region its event names. */
export interface AdmissionRequest {
  readonly userPoolId: string
  readonly region?: string
  /** Who names the pool; `known` if left out. */
  readonly asker?: Asker
  /** The request can be answered without its tenant, by leaving the event as it is. */
  readonly mayBypass?: boolean
  /** Is the request served whatever the tenant's status? */
  anyStatus?(config: TenantConfig): boolean
}

/** The tenant that serves a request, or why the request goes on without one. */
export type Admission =
  | { readonly kind: 'served'; readonly tenant: TenantContext }
  | { readonly kind: 'bypassed'; readonly reason: Reason; readonly level: 'warn' | 'error' }

declare module 'fastify' {
  interface FastifyRequest {
    /** Set as soon as the pool's tenant is known, served or not. */
    tenant: TenantContext | undefined
  }
  interface FastifyInstance {
    /** The tenant that serves a request, or an error that says why none does. */
    admit(request: FastifyRequest, who: AdmissionRequest): Promise<Admission>
    /** Can a pool be admitted or refused without the table? */
    knowsPool(userPoolId: string): boolean
  }
}

/** Resolves the tenant of a request and refuses what its status, region or alias forbids. */
export const tenant = fp<{ readonly tenants: Tenants }>(
  async (app: FastifyInstance, { tenants }) => {
    app.decorateRequest('tenant', undefined)
    app.decorate('knowsPool', (userPoolId: string) => !isUserPoolId(userPoolId) || tenants.knows(userPoolId))
    app.decorate('admit', async (request: FastifyRequest, who: AdmissionRequest): Promise<Admission> => {
      try {
        const found = isUserPoolId(who.userPoolId)
          ? tenants.resolve(who.userPoolId, request.call, who.asker)
          : undefined
        const tenant = found instanceof Promise ? await found : found
        return { kind: 'served', tenant: admitted(tenant, request, who) }
      } catch (error) {
        if (!who.mayBypass || !isBypassable(error, request.direct)) throw error
        request.line.error = error
        return { kind: 'bypassed', reason: reasonOf(error), level: error.statusCode >= 500 ? 'error' : 'warn' }
      }
    })
  },
  { name: 'tenant', dependencies: ['arrival', 'deadline'] },
)

/** The tenant, if it may serve this request. Its name goes onto the line as soon as the region fits. */
function admitted(
  tenant: TenantContext | undefined,
  request: FastifyRequest,
  { region, anyStatus }: AdmissionRequest,
): TenantContext {
  if (!tenant) throw new TenantUnknown()
  assertRegion(tenant, region)
  request.tenant = tenant
  assertTenantAlias(request, tenant)
  if (!anyStatus?.(tenant.config)) assertStatus(tenant)
  return tenant
}

/** Replicas share the pool's id, so the region is compared and never derived from it (fact A13). */
function assertRegion({ config }: TenantContext, region: string | undefined): void {
  if (region === undefined || region === config.aws.region || config.aws.replicaRegions.includes(region)) return
  throw new TenantUnknown()
}

/** Each alias has a policy of its own: a pool that one lets in must not speak for a pool behind another. */
function assertTenantAlias({ via }: FastifyRequest, { config }: TenantContext): void {
  if (via?.kind !== 'trigger' || via.alias === undefined) return
  if (via.alias !== config.alias) throw new TenantWrongAlias()
}

function assertStatus({ config }: TenantContext): void {
  if (config.status === 'draft') throw new TenantDraft()
  if (config.status === 'suspended') throw new TenantSuspended()
}

/**
 * May a request that leaves the event alone go on after this? Corbado's switch, or a fault of ours, must never take down
 * a customer's password login or sign-up; a wrong alias is a wiring error and stands.
 */
function isBypassable(error: unknown, direct: boolean): error is GatewayError {
  if (!isGatewayError(error)) return false
  if (error instanceof TenantUnknown) return direct
  return error instanceof TenantDraft || error instanceof TenantSuspended || error.statusCode >= 500
}
