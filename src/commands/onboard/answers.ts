import { partitionOf } from '../../ids.js'
import type { Feature } from '../../operator/role/role.js'
import type { TenantFile } from '../../tenant/config.js'

/** What `onboard` wants to know, as text: by flag or by question. */
export interface Answers {
  readonly customer: string
  readonly displayName: string
  readonly account: string
  readonly region: string
  readonly pool: string
  readonly project: string
  readonly backendApiUrl: string
  readonly flow: string
  /** Names of features, joined by commas. */
  readonly features: string
  readonly mfa: string
  readonly tenantId: string
}

/** What `onboard` chooses itself. */
interface Chosen {
  readonly externalId: string
  readonly alias: string
  /** Setting PARAMETER_PREFIX. */
  readonly parameterPrefix: string
}

/** The words of a list such as `pre-login, checks`. */
export function featureWords(features: string): string[] {
  return features.split(',').map((word) => word.trim())
}

/** The features of answers that were checked. */
export function featuresOf({ features }: Answers): Feature[] {
  return featureWords(features) as Feature[]
}

/** The new tenant's config: a draft, whatever the answers are; whether they are right is for `parseTenantFile`. */
export function draftTenant(answers: Answers, { externalId, alias, parameterPrefix }: Chosen): Record<string, unknown> {
  const { account, region, pool, project } = answers
  return {
    tenantId: answers.tenantId,
    customer: answers.customer,
    displayName: answers.displayName,
    userPoolId: pool,
    status: 'draft',
    alias,
    aws: {
      accountId: account,
      region,
      roleArn: `arn:${partitionOf(region)}:iam::${account}:role/corbado/corbado-${pool}`,
      externalId,
    },
    corbado: {
      projectId: project,
      backendApiUrl: answers.backendApiUrl,
      credentialParameter: `${parameterPrefix}/${pool}/backend-api`,
      credentialScheme: 'basic',
    },
    login: { flow: answers.flow },
    actions: { preLogin: { identifierAttribute: 'email' }, postAppend: { mfa: answers.mfa } },
  } satisfies { [K in keyof Required<TenantFile>]?: unknown }
}
