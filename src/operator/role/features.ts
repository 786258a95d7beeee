/**
 * What a customer can let us do, by feature: the Cognito operations (all of them take the pool's ARN) and why they are
 * needed, as the hand-over says it. `pre-login` is served for every tenant, so it cannot be left out.
 */
export const FEATURES = {
  'pre-login': {
    sid: 'PreLogin',
    operations: {
      AdminGetUser: 'finds the user who wants to sign in, and whether the account may',
      ListUsers: 'finds users by e-mail, phone number or preferred user name where that is no alias of the pool',
    },
  },
  'post-append': {
    sid: 'PostAppend',
    operations: {
      AdminGetUser: 'sees whether the user has an MFA factor already',
      AdminSetUserMFAPreference: 'sets the chosen MFA factor once the user has a passkey, if there is none yet',
    },
  },
  checks: {
    sid: 'Checks',
    operations: {
      DescribeUserPool: 'sees whether the triggers point at the gateway and the settings fit passkey logins',
      DescribeUserPoolClient: 'sees whether the app clients allow custom authentication',
      ListUserPoolClients: 'finds the app clients',
      GetUserPoolMfaConfig: 'sees whether the chosen MFA factor is possible',
    },
  },
} as const satisfies Record<string, { sid: string; operations: Readonly<Record<string, string>> }>

export type Feature = keyof typeof FEATURES
export const FEATURE_NAMES: readonly Feature[] = ['pre-login', 'post-append', 'checks']
