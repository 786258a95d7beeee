import { createHash, randomUUID } from 'node:crypto'
import { textAt } from '../../fields.js'
import type { TenantFile } from '../../tenant/config.js'
import type { UserPool } from '../cognito/index.js'
import { createTotpSecret } from '../cognito/login/totp.js'
import { inProcess } from '../lambda/index.js'
import type { Stack } from '../stack.js'
import { createOutbox, mailCode, type Outbox, ownFunction } from './own-login.js'
import { basicCredential, createApiSecret, createPassword, setUpTenant } from './tenants.js'

/** A user who has an account with a customer. */
export interface Person {
  readonly username: string
  readonly attributes: Readonly<Record<string, string>>
  readonly password: string
  /** Of the authenticator app, if the tenant's users have one. */
  readonly totpSecret?: string
}

/** A tenant with all that the story needs around it. */
export interface Example {
  readonly tenant: TenantFile
  readonly clientId: string
  readonly apiSecret: string
  /** How the names begin that the customer's app makes up for new users; empty if Cognito makes them. */
  readonly usernamePrefix: string
  /** Signs in. */
  readonly person: Person
  /** Has a passkey too, which must not open the first one's account. */
  readonly other: Person
  /** What people type; the second belongs to no user. */
  readonly identifier: string
  readonly unknownIdentifier: string
  /** If the tenant's custom authentication is chained: where else people sign in, with a code that is mailed to them. */
  readonly ownLogin?: OwnLoginPlace
}

interface OwnLoginPlace {
  readonly clientId: string
  readonly functionArn: string
  readonly outbox: Outbox
}

type IdentifierAttribute = UserPool['aliasAttributes'][number]

/** Numbers and domain are of ranges kept free for fiction. */
const PEOPLE = [
  { given_name: 'Mara', family_name: 'Lindqvist', phone_number: '+493023125017', preferred_username: 'mara.l' },
  { given_name: 'Jonas', family_name: 'Okafor', phone_number: '+493023125342', preferred_username: 'jonas.o' },
] as const
const NOBODY = { phone_number: '+493023125999', preferred_username: 'nobody' }

const mailOf = (name: string, { tenantId }: TenantFile) => `${name}@${tenantId}.example`

export function identifierAttributeOf({ actions }: TenantFile): IdentifierAttribute {
  return actions.preLogin?.identifierAttribute ?? 'email'
}

/** If pre-login may take a user found by an attribute, the pool has none by which Cognito would find one. */
const isFoundByCognito = ({ actions }: TenantFile) => actions.preLogin?.acceptAttributeMatch !== true

/** What users sign in by, if that is an address: then Cognito makes their names. */
function usernameAttributesOf(tenant: TenantFile): readonly ('email' | 'phone_number')[] {
  const attribute = identifierAttributeOf(tenant)
  if (!isFoundByCognito(tenant) || attribute === 'preferred_username') return []
  return attribute === 'email' ? [attribute] : [attribute, 'email']
}

function createPerson(tenant: TenantFile, about: (typeof PEOPLE)[number], ordinal: number): Person {
  const sub = randomUUID()
  const email = mailOf(`${about.given_name}.${about.family_name}`.toLowerCase(), tenant)
  return {
    username: isFoundByCognito(tenant) ? sub : `${tenant.customer}-${100_417 + ordinal}`,
    attributes: { sub, email, email_verified: 'true', ...about, phone_number_verified: 'true' },
    password: createPassword(),
    // A user who is to confirm by an authenticator app must have one.
    ...(tenant.actions.postAppend.mfa === 'software-token' && { totpSecret: createTotpSecret() }),
  }
}

/** Makes up what tenant files do not have: app clients, secrets, people. */
export function createExamples(tenants: readonly TenantFile[]): Example[] {
  // Pools that share a project share its secret.
  const secrets = new Map(tenants.map(({ corbado }) => [corbado.projectId, createApiSecret()]))
  return tenants.map((tenant) => createExample(tenant, secrets.get(tenant.corbado.projectId) ?? ''))
}

/** As long as Cognito's, and the same at every start. */
function madeClientId(of: string): string {
  return BigInt(`0x${createHash('sha256').update(of).digest('hex')}`)
    .toString(36)
    .slice(0, 26)
}

function createExample(tenant: TenantFile, apiSecret: string): Example {
  const attribute = identifierAttributeOf(tenant)
  const [person, other] = [createPerson(tenant, PEOPLE[0], 0), createPerson(tenant, PEOPLE[1], 1)]
  const made = madeClientId(tenant.userPoolId)
  const functionArn = textAt(tenant.triggers?.defineAuthChallenge, 'functionArn')
  return {
    tenant,
    clientId: tenant.login?.clientIds?.[0] ?? made,
    ...(functionArn !== undefined && {
      ownLogin: { clientId: madeClientId(made), functionArn, outbox: createOutbox() },
    }),
    apiSecret,
    usernamePrefix: usernameAttributesOf(tenant).length > 0 ? '' : `${tenant.customer}-`,
    person,
    other,
    identifier: person.attributes[attribute] ?? '',
    unknownIdentifier: attribute === 'email' ? mailOf('nobody', tenant) : NOBODY[attribute],
  }
}

/** As the apps of both kinds of tenants need it: a passkey alone, or a password, with a passkey or without. */
const AUTH_FLOWS = ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const

/** Sets up pool, role, project, secret and users in the stack. */
export function putExample(stack: Stack, example: Example): void {
  const { tenant, clientId, apiSecret, person, other, ownLogin } = example
  const usernameAttributes = usernameAttributesOf(tenant)
  const client = {
    ...{ preventUserExistenceErrors: true, allowCustomAuth: true },
    settings: { ExplicitAuthFlows: [...AUTH_FLOWS] },
  }
  setUpTenant(stack, tenant, {
    apiSecret,
    clients: [{ ...client, clientId }, ...(ownLogin ? [{ ...client, clientId: ownLogin.clientId }] : [])],
    usernameAttributes,
    // Whoever signs up confirms it by a code.
    ...(usernameAttributes.length === 0 && { autoVerified: ['email'] }),
    aliasAttributes: isFoundByCognito(tenant) && usernameAttributes.length === 0 ? [identifierAttributeOf(tenant)] : [],
  })
  if (ownLogin) {
    const { functionArn, outbox } = ownLogin
    stack.lambda.putFunction({ functionArn, runner: inProcess(ownFunction(mailCode(outbox))), aliases: [] })
  }
  const { projectId } = tenant.corbado
  stack.corbado.putProject({ projectId, apiSecret, bearerKey: apiSecret })
  for (const user of [person, other]) {
    stack.cognito.putUser(tenant.userPoolId, { ...user, totp: user.totpSecret !== undefined })
  }
}

/** What must never be seen in a log line: who these people are, and everything secret. */
export function privateValues({ tenant, apiSecret, person, other, unknownIdentifier }: Example): string[] {
  const people = [person, other].flatMap(({ username, password, totpSecret, attributes }) => {
    const { sub = '', email = '', phone_number = '', preferred_username = '', family_name = '' } = attributes
    const secrets = totpSecret === undefined ? [password] : [password, totpSecret]
    return [username, ...secrets, sub, email, phone_number, preferred_username, family_name]
  })
  return [...new Set([...people, apiSecret, basicCredential(tenant.corbado.projectId, apiSecret), unknownIdentifier])]
}
