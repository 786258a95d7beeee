import type { TenantFile } from '../../tenant/config.js'
import { FEATURE_NAMES, type Feature } from './role.js'

/** Features that a tenant's config needs, and the checks: what its customer's role should grant. */
export function featuresOfTenant({ actions, login }: Pick<TenantFile, 'actions' | 'login'>): Feature[] {
  const needed: Readonly<Record<Feature, boolean>> = {
    'pre-login': true,
    'post-append': actions.postAppend.mfa !== 'none',
    'post-login': actions.postLogin !== undefined,
    claim: login?.claim !== undefined,
    checks: true,
  }
  return FEATURE_NAMES.filter((feature) => needed[feature])
}
