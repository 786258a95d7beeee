import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'

/** A right of IAM, and on what it is needed. */
export interface NeededRight {
  readonly action: string
  readonly resource: string
}

/**
 * What whoever sends a pool back needs: UpdateUserPool, and a right for each thing of the pool that is sent back with it
 * (fact A45).
 */
export function rightsToUpdate(pool: UserPoolType): readonly NeededRight[] {
  const { Arn = 'the pool', SmsConfiguration, UserPoolTags = {}, LambdaConfig, EmailConfiguration } = pool
  const sender = SmsConfiguration?.SnsCallerArn
  const key = LambdaConfig?.KMSKeyID
  const right = (action: string, resource: string | undefined) => (resource ? [{ action, resource }] : [])
  return [
    ...right('cognito-idp:UpdateUserPool', Arn),
    ...right('iam:PassRole', sender),
    ...right('cognito-idp:TagResource', Object.keys(UserPoolTags).length > 0 ? Arn : undefined),
    ...right('kms:CreateGrant', key),
    ...right(
      'iam:CreateServiceLinkedRole',
      EmailConfiguration?.EmailSendingAccount === 'DEVELOPER' ? SES_ROLE : undefined,
    ),
  ]
}

/** Needed if a pool sends by SES and the role is gone. */
const SES_ROLE = 'AWSServiceRoleForAmazonCognitoIdpEmailService, if it is gone'

/** The action and resource that a refusal of AWS names; undefined if it names none. */
export function deniedRight(said: string): NeededRight | undefined {
  const [, action, resource] = /is not authorized to perform: (\S+) on resource: (\S+?)[.,]?(?:\s|$)/.exec(said) ?? []
  return action !== undefined && resource !== undefined ? { action, resource } : undefined
}
