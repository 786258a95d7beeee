import { partitionOf } from '../../ids.js'
import { type Slot, triggerOfSlot } from '../../operator/pool/triggers.js'
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
  /** Functions that go on, as `<slot>=<ARN>` joined by commas; `none`. */
  readonly chain: string
  /** App clients whose custom authentication is Corbado's, joined by commas; `all`. */
  readonly clients: string
  /** The app client of post-login; `none`. */
  readonly postLogin: string
  /** Has that app client a secret? `yes` or `no`. */
  readonly postLoginSecret: string
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
export function listWords(list: string): string[] {
  return list.split(',').map((word) => word.trim())
}

/** The functions that go on, by slot, as an answer names them; whether each word is one is for its check. */
export function chainWords(chain: string): (readonly [slot: string, functionArn: string])[] {
  if (chain === 'none') return []
  return listWords(chain).map((word) => {
    const [slot = '', ...arn] = word.split('=')
    return [slot, arn.join('=')]
  })
}

/** The features of answers that were checked. */
export function featuresOf({ features }: Pick<Answers, 'features'>): Feature[] {
  return listWords(features) as Feature[]
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
    login: { flow: answers.flow, ...(answers.clients !== 'all' && { clientIds: listWords(answers.clients) }) },
    actions: {
      preLogin: { identifierAttribute: 'email' },
      postAppend: { mfa: answers.mfa },
      ...(answers.postLogin !== 'none' && { postLogin: postLoginClient(answers, parameterPrefix) }),
    },
    ...(answers.chain !== 'none' && { triggers: chainedTriggers(answers.chain) }),
  } satisfies { [K in keyof Required<TenantFile>]?: unknown }
}

function postLoginClient({ postLogin, postLoginSecret, pool }: Answers, parameterPrefix: string) {
  const secret = postLoginSecret === 'yes' && { clientSecretParameter: `${parameterPrefix}/${pool}/client-secret` }
  return { clientId: postLogin, ...secret }
}

function chainedTriggers(chain: string): Record<string, unknown> {
  const chained = (functionArn: string) => ({ mode: 'chain', functionArn, timeoutMs: 3_000, onFailure: 'fail' })
  return Object.fromEntries(chainWords(chain).map(([slot, arn]) => [triggerOfSlot(slot as Slot), chained(arn)]))
}
