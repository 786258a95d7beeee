import type { Upstream, UpstreamFaultKind } from '../../../src/errors.js'
import type { VerifyReason } from '../../../src/triggers/verify-auth-challenge-response.js'

type Reason = `${Upstream}_${UpstreamFaultKind}` | VerifyReason | 'internal'

/**
 * Reasons that are ours to fix, with the number of lines in five minutes from which on the person on call should look.
 * If one customer can cause a reason too, that number is one that a single broken tenant rarely reaches; what is never
 * ours (`role_permission_missing`, `sts_denied`, …) is on the dashboard.
 */
export const ALARMED_REASONS = {
  internal: 1,
  table_denied: 1,
  table_throttled: 1,
  table_timeout: 25,
  table_unavailable: 25,
  // What a login learns of SSM and KMS. A secret that is missing or malformed is its operator's, and one tenant's.
  secret_denied: 25,
  secret_throttled: 25,
  secret_timeout: 25,
  secret_unavailable: 25,
  sts_throttled: 5,
  backend_rate_limited: 5,
  backend_timeout: 50,
  backend_unavailable: 50,
  backend_malformed: 50,
  backend_rejected: 100,
  backend_unauthorized: 100,
} as const satisfies { readonly [R in Reason]?: number }
