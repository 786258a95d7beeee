import { textAt } from '../../fields.js'
import type { OperatorUpstreams, ParameterVersion, TenantRecord } from '../../upstreams/operator.js'
import { attempt, errorTypeOf, isDenied, saidOf } from '../attempt.js'
import { operatorCall } from '../upstreams.js'

/** Who stored which version of a tenant's secret when, the newest first. Its value is never asked for. */
export interface SecretHistory {
  readonly parameter: string
  readonly versions: readonly ParameterVersion[]
  /** Why nothing is known of it. */
  readonly unknown?: string
}

/** That is known: there is none. */
export const NOT_STORED = 'it is not stored'

/** The secrets that a tenant's config can name, and where it does. */
const SECRETS = [
  { what: 'secret', field: ['corbado', 'credentialParameter'] },
  { what: 'client secret', field: ['actions', 'postLogin', 'clientSecretParameter'] },
] as const

/** The history of one of a tenant's secrets. */
export interface TenantSecret extends SecretHistory {
  /** `secret` is the credential of Corbado's Backend API, `client secret` that of post-login's app client. */
  readonly what: (typeof SECRETS)[number]['what']
  /** The field of the config that names the parameter. */
  readonly field: string
}

/** Fetches the history of each secret that a record's config names. What SSM does not tell is said, and no error. */
export async function fetchSecretHistories(
  { config }: Pick<TenantRecord, 'config'>,
  { fetchParameterHistory }: Pick<OperatorUpstreams, 'fetchParameterHistory'>,
): Promise<TenantSecret[]> {
  const histories: TenantSecret[] = []
  for (const { what, field } of SECRETS) {
    const parameter = textAt(config, ...field)
    if (parameter === undefined) continue
    histories.push({ what, field: field.join('.'), ...(await fetchWriters(parameter, { fetchParameterHistory })) })
  }
  return histories
}

/** The same of any parameter. */
export async function fetchWriters(
  parameter: string,
  { fetchParameterHistory }: Pick<OperatorUpstreams, 'fetchParameterHistory'>,
): Promise<SecretHistory> {
  const asked = await attempt(fetchParameterHistory(parameter, operatorCall()))
  if (asked.kind === 'answered') return { parameter, versions: asked.value.reverse() }
  if (errorTypeOf(asked) === 'ParameterNotFound') return { parameter, versions: [], unknown: NOT_STORED }
  const right = isDenied(asked) ? '; it takes ssm:GetParameterHistory' : ''
  return { parameter, versions: [], unknown: `${saidOf(asked.fault)}${right}` }
}

/** Who wrote a parameter, without account and kind: `role/session` of a role's session, the name of a user. */
export function authorOf({ updatedBy }: ParameterVersion): string {
  return (
    updatedBy
      .split(':')
      .slice(5)
      .join(':')
      .replace(/^(assumed-role|user)\//, '') || updatedBy
  )
}
