import { type Static, Type } from 'typebox'
import { REGION_PATTERN, USER_POOL_ID_LENGTH_MAX, USER_POOL_ID_PATTERN, type UserPoolId } from '../ids.js'

const slug = (description: string) => Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 64, description })
const region = (description: string) => Type.String({ pattern: `^${REGION_PATTERN}$`, description })
const choice = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description })
const clientId = (description?: string) =>
  Type.String({ pattern: '^[\\w+]{1,128}$', ...(description !== undefined && { description }) })
const clientIds = (description: string) =>
  Type.Array(clientId(), { minItems: 1, maxItems: 100, uniqueItems: true, description })
const closed = { additionalProperties: false }

/** Triggers of custom authentication, by their name in the YAML (the camel case of Cognito's LambdaConfig). */
export const CUSTOM_AUTH_TRIGGERS = [
  'defineAuthChallenge',
  'createAuthChallenge',
  'verifyAuthChallengeResponse',
] as const

/** Triggers that replace Cognito's delivery of messages. */
export const SENDER_TRIGGERS = ['customEmailSender', 'customSMSSender'] as const

/** All other triggers. */
export const OTHER_TRIGGERS = [
  'preSignUp',
  'postConfirmation',
  'preAuthentication',
  'postAuthentication',
  'preTokenGeneration',
  'customMessage',
  'userMigration',
  'inboundFederation',
] as const

/** Every trigger of a pool. */
export type TriggerName =
  | (typeof CUSTOM_AUTH_TRIGGERS)[number]
  | (typeof SENDER_TRIGGERS)[number]
  | (typeof OTHER_TRIGGERS)[number]

const Chain = Type.Object(
  {
    mode: choice(['chain'], "the customer's own function answers"),
    functionArn: Type.String({
      pattern: `^arn:aws[a-z-]*:lambda:${REGION_PATTERN}:\\d{12}:function:[\\w-]{1,64}(:[\\w-]{1,128})?$`,
      description: 'the function, with version or alias if it has one',
    }),
    timeoutMs: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 4_500, description: 'longest that it may take; default 3000' }),
    ),
    onFailure: Type.Optional(
      choice(['fail', 'ignore'], 'ignore: the event goes back as it came; default fail: so does the trigger'),
    ),
  },
  { ...closed, description: "the customer's own function answers this trigger" },
)

/** A trigger that the customer's own function answers. */
export type Chain = Static<typeof Chain>

const chainOnly = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, Chain]))
const PassThrough = choice(['pass-through'], 'default pass-through')

/**
 * One tenant's config as it stands in a YAML file and in the table: the only source of the type, of the runtime check
 * and of `tenants/schema.json`. Fields that may be left out get their value in {@link withDefaults}.
 */
export const TenantFile = Type.Object(
  {
    tenantId: slug('unique name of the tenant, as it appears in log lines'),
    customer: slug("shared by one customer's pools"),
    displayName: Type.String({
      minLength: 1,
      maxLength: 100,
      // No control or format characters, no line breaks: it stands in headings and on terminals.
      pattern: '^[^\\p{C}\\p{Zl}\\p{Zp}]*$',
      description: 'name for people, on one line',
    }),
    userPoolId: Type.Unsafe<UserPoolId>({
      type: 'string',
      pattern: USER_POOL_ID_PATTERN,
      maxLength: USER_POOL_ID_LENGTH_MAX,
      description: 'id of the Cognito user pool; before the _ it says aws.region, or one of aws.replicaRegions',
    }),
    status: choice(['draft', 'active', 'passkeys-off', 'suspended'], 'what is served: see tenants/README.md'),
    alias: Type.String({
      pattern: '^(?!\\d+$)[\\w-]{1,128}$',
      description: "Lambda alias of the tenant's hosted ARN",
    }),
    aws: Type.Object(
      {
        accountId: Type.String({ pattern: '^\\d{12}$', description: 'account that owns the pool; quote it in YAML' }),
        region: region('primary region of the pool: actions and role calls go there'),
        replicaRegions: Type.Optional(
          Type.Array(region('region of a replica'), { description: 'further regions whose triggers are accepted' }),
        ),
        roleArn: Type.Union([Type.Null(), Type.String()], {
          description: 'arn:<partition>:iam::<accountId>:role/corbado/corbado-<userPoolId>; null when self-hosted',
        }),
        externalId: Type.Union([Type.Null(), Type.String({ pattern: '^[\\w+=,.@:/-]{2,1224}$' })], {
          description: "ExternalId of the role's trust; null when self-hosted",
        }),
      },
      closed,
    ),
    corbado: Type.Object(
      {
        projectId: Type.String({ pattern: '^pro-\\d+$', description: 'Corbado project' }),
        backendApiUrl: Type.String({ description: 'base URL of the Backend API, without /v2' }),
        credentialParameter: Type.String({ description: 'SSM SecureString, <PARAMETER_PREFIX>/<userPoolId>/…' }),
        credentialScheme: choice(['basic', 'bearer'], 'basic: the value is base64 of projectID:apiSecret'),
      },
      closed,
    ),
    login: Type.Optional(
      Type.Object(
        {
          flow: Type.Optional(choice(['passkey', 'password-then-passkey'], 'default passkey')),
          maxAttempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, description: 'default 3' })),
          clientIds: Type.Optional(
            clientIds(
              "app clients whose custom authentication is Corbado's; without it: all. Of others it is the chained function's, or fails",
            ),
          ),
          claim: Type.Optional(
            Type.Object(
              {
                name: Type.String({
                  pattern: '^[A-Za-z][\\w.:/-]{0,127}$',
                  description: 'name of the claim, one that Cognito and other functions do not use',
                }),
                clientIds: clientIds('app clients whose tokens have it: of login.clientIds, with no other sign-in'),
              },
              { ...closed, description: 'tokens say how their user signed in: see CLAIM.md' },
            ),
          ),
        },
        closed,
      ),
    ),
    actions: Type.Object(
      {
        preLogin: Type.Optional(
          Type.Object(
            {
              identifierAttribute: Type.Optional(
                choice(['email', 'phone_number', 'preferred_username'], 'what users type; default email'),
              ),
              acceptAttributeMatch: Type.Optional(
                Type.Boolean({ description: 'sign in a user found by attribute only; default false' }),
              ),
              unknownUser: Type.Optional(choice(['report', 'silent', 'decoy'], 'default report; decoy: see README.md')),
              texts: Type.Optional(
                Type.Object(
                  {
                    userNotFound: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
                    untyped: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
                  },
                  { ...closed, description: 'texts that the end user sees' },
                ),
              ),
            },
            closed,
          ),
        ),
        postAppend: Type.Object(
          {
            mfa: choice(
              ['sms', 'email', 'software-token', 'none'],
              'MFA factor set once a passkey exists; no default: it changes how users sign in with a password',
            ),
          },
          closed,
        ),
        postLogin: Type.Optional(
          Type.Object(
            {
              clientId: clientId(
                'app client through which post-login signs users in; it must allow custom authentication',
              ),
              clientSecretParameter: Type.Optional(
                Type.String({
                  description: "SSM SecureString with that client's secret, <PARAMETER_PREFIX>/<userPoolId>/…",
                }),
              ),
            },
            { ...closed, description: 'serves the action post-login; without it the action is answered 404' },
          ),
        ),
      },
      closed,
    ),
    connectTokens: Type.Optional(
      Type.Object(
        {
          clientIds: clientIds('app clients whose ID tokens are taken'),
          origins: Type.Array(
            Type.String({
              pattern: '^(https://[a-z0-9.-]+|http://(localhost|127\\.0\\.0\\.1))(:\\d{1,5})?$',
              description: 'such as https://app.example.com',
            }),
            { minItems: 1, maxItems: 100, uniqueItems: true, description: 'origins of pages that may ask (CORS)' },
          ),
          types: Type.Array(choice(['passkey-append', 'passkey-list', 'passkey-delete'], 'what the token is for'), {
            minItems: 1,
            maxItems: 3,
            uniqueItems: true,
            description: 'types of tokens that are given',
          }),
        },
        { ...closed, description: "serves connect tokens to users' browsers; without it the route answers 404" },
      ),
    ),
    triggers: Type.Optional(
      Type.Partial(
        Type.Object({
          ...chainOnly(CUSTOM_AUTH_TRIGGERS),
          ...Object.fromEntries(OTHER_TRIGGERS.map((name) => [name, Type.Union([PassThrough, Chain])])),
          ...chainOnly(SENDER_TRIGGERS),
        }),
        closed,
      ),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          verifyPerSecond: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 10_000, description: 'a process; default 100' }),
          ),
          listUsersPerSecond: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 25,
              description: "searches, a process; default 10; the pool's quota is 30 calls",
            }),
          ),
          concurrentCalls: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 256,
              description: 'calls under way to one dependency, a process; default 16',
            }),
          ),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: 'https://corbado.com/cognito-gateway/tenant.schema.json', title: 'Tenant of the Cognito gateway' },
)
export type TenantFile = Static<typeof TenantFile>

/** Texts for end users if the tenant gives none: fit for strangers, free of any detail. */
const TEXTS = {
  userNotFound: 'There is no account for this entry.',
  untyped: 'Sign-in with a passkey is not available right now.',
}

/** The same config with every default filled in: what the gateway works with. */
export type TenantConfig = ReturnType<typeof withDefaults>

/** Fills in what a file may leave out. */
export function withDefaults(file: TenantFile) {
  const { preLogin = {}, postAppend, postLogin } = file.actions
  return {
    ...file,
    aws: { ...file.aws, replicaRegions: file.aws.replicaRegions ?? [] },
    login: {
      flow: file.login?.flow ?? 'passkey',
      maxAttempts: file.login?.maxAttempts ?? 3,
      ...(file.login?.clientIds && { clientIds: file.login.clientIds }),
      ...(file.login?.claim && { claim: file.login.claim }),
    },
    actions: {
      preLogin: {
        identifierAttribute: preLogin.identifierAttribute ?? 'email',
        acceptAttributeMatch: preLogin.acceptAttributeMatch ?? false,
        unknownUser: preLogin.unknownUser ?? 'report',
        texts: { ...TEXTS, ...preLogin.texts },
      },
      postAppend,
      ...(postLogin && { postLogin }),
    },
    limits: {
      verifyPerSecond: file.limits?.verifyPerSecond ?? 100,
      listUsersPerSecond: file.limits?.listUsersPerSecond ?? 10,
      concurrentCalls: file.limits?.concurrentCalls ?? 16,
    },
  }
}
