import { type Stack, startStack } from '../../src/local/stack.js'
import { putTenantRecord, setUpTenant, toLocal } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { tenantFile } from '../fixtures/tenants.js'

/** One tenant on the embedded stack, and the environment of a gateway there. */
export interface World {
  readonly stack: Stack
  readonly tenant: TenantFile
  /** Configs stay fresh for an hour: nothing but the request itself is measured. */
  readonly env: Record<string, string>
}

export const API_SECRET = 'corbado1_bench'

export async function openWorld(): Promise<World> {
  const stack = await startStack()
  const tenant = tenantFile()
  setUpTenant(stack, tenant, { apiSecret: API_SECRET, clients: [] })
  await putTenantRecord(stack, toLocal(tenant, stack), tenant.userPoolId)
  const { PSEUDONYM_KEY_PARAMETER: _off, ...gatewayEnv } = stack.gatewayEnv
  const env = {
    ...gatewayEnv,
    PATH: process.env.PATH ?? '',
    TENANT_TTL_SECONDS: '3600',
    TENANT_STALE_SECONDS: '3600',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
  return { stack, tenant, env }
}
