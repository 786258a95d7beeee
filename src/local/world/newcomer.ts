import type { App } from '../clients/apps.js'
import type { UserPool } from '../cognito/index.js'
import type { Stack } from '../stack.js'
import { basicCredential, createApiSecret, createPassword } from './tenants.js'

/** A customer that waits to be onboarded: a pool with users, and a Corbado project. Nothing of ours is set up there. */
export const NEWCOMER = {
  customer: 'northwind',
  userPoolId: 'eu-central-1_N0rthw1nd',
  accountId: '777788889999',
  region: 'eu-central-1',
  projectId: 'pro-3333333333',
  clientId: '5n0rthw1ndwebappclient0001',
} as const

/** Numbers and domain are of ranges kept free for fiction. */
const PEOPLE = [
  { given_name: 'Ines', family_name: 'Moreau', email: 'ines@northwind.example', phone_number: '+493023125480' },
  { given_name: 'Tariq', family_name: 'Haddad', email: 'tariq@northwind.example', phone_number: '+493023125481' },
] as const

const ownFunction = (name: string) => `arn:aws:lambda:${NEWCOMER.region}:${NEWCOMER.accountId}:function:${name}`
const authFlows = ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const

/** The newcomer's pool, with settings of its own that wiring must not change. */
export const NEWCOMER_POOL: UserPool = {
  userPoolId: NEWCOMER.userPoolId,
  accountId: NEWCOMER.accountId,
  region: NEWCOMER.region,
  name: 'northwind-customers',
  lambdaConfig: { PreSignUp: ownFunction('northwind-pre-sign-up') },
  clients: [
    {
      clientId: NEWCOMER.clientId,
      clientName: 'northwind-web',
      preventUserExistenceErrors: true,
      allowCustomAuth: true,
      settings: { ExplicitAuthFlows: [...authFlows] },
    },
  ],
  aliasAttributes: ['email'],
  fixed: { UsernameConfiguration: { CaseSensitive: false } },
  settings: {
    AutoVerifiedAttributes: ['email'],
    DeletionProtection: 'ACTIVE',
    MfaConfiguration: 'OPTIONAL',
    Policies: { PasswordPolicy: { MinimumLength: 12, RequireNumbers: true, TemporaryPasswordValidityDays: 3 } },
    SmsConfiguration: {
      SnsCallerArn: `arn:aws:iam::${NEWCOMER.accountId}:role/cognito-sms`,
      ExternalId: 'northwind-sms',
    },
    UserPoolTags: { team: 'identity' },
  },
}

/** Sets the newcomer up in the stack, with settings of its own that wiring must not change. */
export function putNewcomer(stack: Stack): { readonly app: App; readonly credential: string } {
  const { customer, userPoolId, projectId, clientId } = NEWCOMER
  stack.cognito.putPool(NEWCOMER_POOL)
  const users = PEOPLE.map((about, index) => {
    const password = createPassword()
    const attributes = { ...about, email_verified: 'true', phone_number_verified: 'true' }
    stack.cognito.putUser(userPoolId, { username: `northwind-${100_731 + index}`, attributes, password })
    return { identifier: about.email, password }
  })
  const apiSecret = createApiSecret()
  stack.corbado.putProject({ projectId, apiSecret })
  return {
    app: { tenantId: customer, userPoolId, clientId, projectId, credentialScheme: 'basic', flow: 'passkey', users },
    credential: basicCredential(projectId, apiSecret),
  }
}
