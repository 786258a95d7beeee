import { Internal } from '../errors.js'
import type { RoleRequest } from '../upstreams/sts.js'
import type { TenantConfig } from './config.js'

/** What a session of a tenant's role is for: the calls on its pool, or the invocation of one function. */
export type Purpose = 'pool' | { readonly functionArn: string }

/**
 * The AssumeRole request of a tenant: its role, its ExternalId, and rights on its one pool or on one function.
 * @throws GW_ERR_INTERNAL if the tenant has no role (self-hosted)
 */
export function roleRequest(config: TenantConfig, purpose: Purpose = 'pool'): RoleRequest {
  const { roleArn, externalId } = config.aws
  if (roleArn === null || externalId === null) throw new Internal()
  return {
    roleArn,
    externalId,
    // At most 8 + 55 characters of the 64 that STS allows; the customer's CloudTrail shows it.
    sessionName: `corbado-${config.userPoolId}`,
    sessionPolicy: purpose === 'pool' ? sessionPolicy(config, roleArn) : functionPolicy(purpose.functionArn),
  }
}

/** Cognito operations that the tenant's actions and its claim need. */
function operationsInUse({ actions, login }: TenantConfig): string[] {
  return [
    ...['AdminGetUser', 'ListUsers'],
    ...(actions.postAppend.mfa === 'none' ? [] : ['AdminSetUserMFAPreference']),
    ...(actions.postLogin ? ['AdminInitiateAuth', 'AdminRespondToAuthChallenge'] : []),
    ...(login.claim ? ['DescribeUserPoolClient'] : []),
  ]
}

/**
 * Narrows whatever the customer's role allows to the operations in use on the one pool: about 390 of 2,048 characters (fact
 * A37).
 */
function sessionPolicy(config: TenantConfig, roleArn: string): string {
  const { region, accountId } = config.aws
  const partition = roleArn.split(':')[1]
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: operationsInUse(config).map((operation) => `cognito-idp:${operation}`),
        Resource: `arn:${partition}:cognito-idp:${region}:${accountId}:userpool/${config.userPoolId}`,
      },
    ],
  })
}

/** Allows the one function as it is invoked, version or alias included: IAM compares the whole ARN. */
function functionPolicy(functionArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: functionArn }],
  })
}
