import { randomBytes } from 'node:crypto'
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { featuresOfTenant } from '../../operator/role/features.js'
import { chainedFunctions, describeCustomerRole, USUAL_FEATURES } from '../../operator/role/role.js'
import type { TenantFile } from '../../tenant/config.js'
import { doctor, FUNCTION_ARN, gateway, operator, REGION, roleArnOf } from '../accounts.js'
import { type AppClient, poolArn, type TriggerName, type UserPool } from '../cognito/pool/pools.js'
import type { Stack } from '../stack.js'

/** What a customer and Corbado set up around a tenant's config. */
export interface TenantSetup {
  /** The secret that the tenant's parameter holds and Corbado accepts. */
  readonly apiSecret: string
  readonly clients: readonly AppClient[]
  readonly aliasAttributes?: UserPool['aliasAttributes']
  /** What users sign in by, if Cognito makes their names. */
  readonly usernameAttributes?: readonly ('email' | 'phone_number')[]
  /** What a new user's address is verified of; by default what users are found by. */
  readonly autoVerified?: ('email' | 'phone_number')[]
  /** Further triggers of the pool that point at the gateway. */
  readonly triggers?: readonly TriggerName[]
}

const customAuth = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'] as const

/** The hosted ARN of a tenant's alias. */
export const hostedArn = (alias: string) => `${FUNCTION_ARN}:${alias}`

/** The config as the embedded stack serves it: the same, but for Corbado's address. */
export function toLocal(file: TenantFile, stack: Stack): TenantFile {
  return { ...file, corbado: { ...file.corbado, backendApiUrl: stack.corbado.url } }
}

/** Sets up the world around a tenant, as its customer and an operator would: pool, role, project, secret, alias. */
export function setUpTenant(stack: Stack, file: TenantFile, setup: TenantSetup): void {
  const { userPoolId, aws, corbado, alias } = file
  const hosted = hostedArn(alias)
  const triggers = [...customAuth, ...(setup.triggers ?? [])]
  stack.cognito.putPool({
    userPoolId,
    accountId: aws.accountId,
    region: aws.region,
    lambdaConfig: Object.fromEntries(triggers.map((trigger) => [trigger, hosted])),
    clients: setup.clients,
    aliasAttributes: setup.aliasAttributes ?? [],
    ...poolSettings(file, setup),
  })
  putCustomerRole(stack, file)
  const { projectId, credentialParameter, credentialScheme } = corbado
  const { apiSecret } = setup
  const basic = credentialScheme === 'basic'
  stack.corbado.putProject(basic ? { projectId, apiSecret } : { projectId, bearerKey: apiSecret })
  stack.ssm.put(credentialParameter, basic ? basicCredential(projectId, apiSecret) : apiSecret)
}

/** Settings with which passkey logins, aliases and the tenant's MFA factor work. */
function poolSettings({ actions, aws }: TenantFile, setup: TenantSetup): Partial<UserPool> {
  const { aliasAttributes = [], usernameAttributes = [] } = setup
  const { mfa } = actions.postAppend
  const SnsCallerArn = `arn:aws:iam::${aws.accountId}:role/cognito-sms`
  return {
    fixed: {
      UsernameConfiguration: { CaseSensitive: false },
      ...(usernameAttributes.length > 0 && { UsernameAttributes: [...usernameAttributes] }),
    },
    settings: {
      AutoVerifiedAttributes: setup.autoVerified ?? [
        ...usernameAttributes,
        ...aliasAttributes.flatMap((alias) => (alias === 'preferred_username' ? [] : alias)),
      ],
      MfaConfiguration: mfa === 'none' ? 'OFF' : 'OPTIONAL',
      ...(mfa === 'sms' && { SmsConfiguration: { SnsCallerArn, ExternalId: 'cognito-sms' } }),
    },
    mfa: {
      ...(mfa === 'email' && { EmailMfaConfiguration: {} }),
      ...(mfa === 'software-token' && { SoftwareTokenMfaConfiguration: { Enabled: true } }),
    },
  }
}

/** What the parameter of a `basic` tenant holds. */
export function basicCredential(projectId: string, apiSecret: string): string {
  return Buffer.from(`${projectId}:${apiSecret}`).toString('base64')
}

/** A password that Cognito's default policy takes. */
export const createPassword = () => `${randomBytes(12).toString('base64url')}-9aA`

/** An API secret as Corbado makes them. */
export const createApiSecret = () => `corbado1_${randomBytes(24).toString('base64url')}`

/** Lets the pools of an alias invoke it, and no other caller. */
export function grantAlias(stack: Stack, alias: string, files: readonly TenantFile[]): void {
  stack.lambda.putPolicy(hostedArn(alias), {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'cognito-idp.amazonaws.com' },
        Action: 'lambda:InvokeFunction',
        Resource: hostedArn(alias),
        Condition: {
          ArnLike: { 'AWS:SourceArn': files.map(({ userPoolId, aws }) => poolArn({ ...aws, userPoolId })) },
          StringEquals: { 'AWS:SourceAccount': files.map(({ aws }) => aws.accountId) },
        },
      },
    ],
  })
}

/** Writes a tenant's current record, in place of the one that was there. For tests; an operator uses `tenants apply`. */
export async function putTenantRecord(stack: Stack, config: unknown, userPoolId: string, version = 1): Promise<void> {
  const client = new DynamoDBClient({
    endpoint: stack.table.url,
    region: REGION,
    credentials: stack.credentialsFor(operator),
  })
  const updatedAt = new Date(stack.clock.now()).toISOString()
  const record = { userPoolId, record: 'config', version, updatedAt, updatedBy: 'local', config }
  const Item = marshall(record, { removeUndefinedValues: true })
  await client.send(new PutItemCommand({ TableName: stack.table.tableName, Item }))
  client.destroy()
}

/** The role that the hand-over asks for, with the usual features and those that the tenant needs besides. */
function putCustomerRole(stack: Stack, file: TenantFile): void {
  const { userPoolId, aws } = file
  const { accountId, region, roleArn, externalId } = aws
  if (roleArn === null || externalId === null) return
  const { trust, permissions } = describeCustomerRole({
    ...{ userPoolId, accountId, region, externalId },
    features: [...USUAL_FEATURES, ...featuresOfTenant(file)],
    functionArns: chainedFunctions(file),
    gatewayRoleArn: roleArnOf(gateway),
    doctorRoleArn: roleArnOf(doctor),
  })
  stack.sts.putRole({ roleArn, trust, policies: [permissions] })
}
