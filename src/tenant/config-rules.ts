import { Compile } from 'typebox/compile'
import { Check, Errors } from 'typebox/value'
import type { ConfigRules } from '../env.js'
import { functionOf, PARTITIONS, partitionOf } from '../ids.js'
import { type Chain, CUSTOM_AUTH_TRIGGERS, OTHER_TRIGGERS, TenantFile } from './config.js'

/** One thing wrong with a config: where (a JSON pointer such as `/aws/roleArn`) and what is expected there. */
export interface ConfigIssue {
  readonly path: string
  readonly message: string
}

/** A config that may be used, or everything that is wrong with it. */
export type ParsedConfig =
  | { readonly kind: 'valid'; readonly file: TenantFile }
  | { readonly kind: 'invalid'; readonly issues: readonly ConfigIssue[] }

/**
 * How many checks a process makes before it writes the schema out as code: that takes as long as a hundred of them, and a process
 * that has just started, or has few tenants, must not wait for it.
 */
const COMPILE_AFTER = 100

let checks = 0
let compiled: { Check(value: unknown): boolean } | undefined

/** Has a value the form of a tenant's config? The same answer before and after the schema is compiled, some forty times sooner. */
export function isTenantFile(value: unknown): value is TenantFile {
  checks += 1
  if (checks > COMPILE_AFTER) compiled ??= Compile(TenantFile)
  return compiled ? compiled.Check(value) : Check(TenantFile, value)
}

/** Checks a value against the schema, then against the rules that span fields; reports everything it finds at once. */
export function parseTenantFile(value: unknown, rules: ConfigRules): ParsedConfig {
  if (!isTenantFile(value)) return { kind: 'invalid', issues: schemaIssues(value) }
  const issues = [
    ...poolIssues(value),
    ...roleIssues(value, rules),
    ...corbadoIssues(value, rules),
    ...postLoginIssues(value, rules),
    ...claimIssues(value),
    ...decoyIssues(value, rules),
    ...connectTokenIssues(value),
    ...aliasIssues(value, rules),
    ...chainIssues(value, rules),
  ]
  return issues.length === 0 ? { kind: 'valid', file: value } : { kind: 'invalid', issues }
}

type SchemaError = ReturnType<typeof Errors>[number]

/** One issue for each place: that of the first failed branch, and none for what only follows from a wrong type. */
function schemaIssues(value: unknown): ConfigIssue[] {
  const byPath = new Map<string, ConfigIssue>()
  for (const issue of Errors(TenantFile, value).flatMap(issuesOf)) {
    const known = byPath.get(issue.path)
    if (!known || known.message === 'must be null') byPath.set(issue.path, issue)
  }
  return [...byPath.values()]
}

function issuesOf({ keyword, instancePath: path, params, message }: SchemaError): ConfigIssue[] {
  switch (keyword) {
    case 'boolean':
    case 'anyOf':
      return []
    case 'additionalProperties':
      return params.additionalProperties.map((key) => ({ path: `${path}/${key}`, message: unknownKey(key) }))
    case 'required':
      return params.requiredProperties.map((key) => ({ path: `${path}/${key}`, message: 'is missing' }))
    case 'enum':
      if (triggerForm(path)) return [{ path, message: triggerForm(path) ?? message }]
      return [{ path, message: `must be one of ${params.allowedValues.join(', ')}` }]
    case 'pattern':
      return [{ path, message: formOf(path) ?? message }]
    default:
      return [{ path, message: triggerForm(path) ?? message }]
  }
}

/**
 * What a trigger's value may be; undefined for another path. A sender that is passed through would lose every message, and
 * Corbado's three triggers are its own.
 */
function triggerForm(path: string): string | undefined {
  const [, name] = /^\/triggers\/(\w+)$/.exec(path) ?? []
  if (name === undefined) return undefined
  const chain = '{ mode: chain, functionArn: … }'
  const isOther = (OTHER_TRIGGERS as readonly string[]).includes(name)
  return isOther ? `must be pass-through or ${chain}` : `must be ${chain}, or be left out`
}

const CLIENT_ID_FORM = 'must be the id of an app client: up to 128 letters, digits, _ and +'

/** What a field's pattern asks for, in words; undefined if there are none for it. */
function formOf(path: string): string | undefined {
  const slug = 'must be lower-case letters and digits, words joined by single hyphens'
  const region = 'must be an AWS region such as eu-central-1'
  const forms: Record<string, string> = {
    '/tenantId': slug,
    '/customer': slug,
    '/displayName': 'must be one line without control characters',
    '/userPoolId': 'must be a user pool id such as eu-central-1_Ab12Cd34E',
    '/alias': 'must be a Lambda alias name: letters, digits, - and _, not digits alone',
    '/aws/accountId': 'must be an account id of 12 digits',
    '/aws/region': region,
    '/aws/externalId': 'must be an ExternalId: 2 to 1,224 letters, digits and + = , . @ : / -',
    '/corbado/projectId': 'must be a Corbado project such as pro-1234567890',
    '/actions/postLogin/clientId': CLIENT_ID_FORM,
    '/login/claim/name': 'must be the name of a claim: a letter, then up to 127 letters, digits, _ . : / -',
  }
  if (path.endsWith('/functionArn')) return 'must be the ARN of a Lambda function, with or without version or alias'
  if (/^\/login\/(claim\/)?clientIds\/\d+$/.test(path)) return CLIENT_ID_FORM
  return path.startsWith('/aws/replicaRegions/') ? region : forms[path]
}

function unknownKey(key: string): string {
  return /^custom(Email|Sms|SMS)Sender$/.test(key)
    ? 'is not a known field: write customEmailSender or customSMSSender, and only to chain it'
    : 'is not a known field'
}

/** A pool id begins with the region where the pool was made: its primary one, or one that is a replica by now. */
function poolIssues({ userPoolId, aws }: TenantFile): ConfigIssue[] {
  const { region, replicaRegions = [] } = aws
  const [begins = '', rest = ''] = userPoolId.split('_', 2)
  const regions = [region, ...replicaRegions]
  if (regions.includes(begins)) return []
  const lower = begins.toLowerCase()
  const message = regions.includes(lower)
    ? `must be written ${lower}_${rest}: Cognito knows no ${begins}_${rest}`
    : `must begin with ${regions.map((one) => `${one}_`).join(' or ')}, since aws.region is ${region}, but it is of ${begins}: ` +
      'one of the two is wrong'
  return [{ path: '/userPoolId', message }]
}

function roleIssues({ userPoolId, aws }: TenantFile, { selfHosted }: ConfigRules): ConfigIssue[] {
  if (aws.roleArn === null && aws.externalId === null) {
    return selfHosted ? [] : [{ path: '/aws/roleArn', message: 'may be null only if SELF_HOSTED is true' }]
  }
  if (aws.roleArn === null || aws.externalId === null) {
    return [{ path: '/aws/externalId', message: 'roleArn and externalId are both given or both null' }]
  }
  const resource = `:iam::${aws.accountId}:role/corbado/corbado-${userPoolId}`
  const matches = PARTITIONS.some((partition) => aws.roleArn === `arn:${partition}${resource}`)
  return matches ? [] : [{ path: '/aws/roleArn', message: `must be arn:${partitionOf(aws.region)}${resource}` }]
}

function corbadoIssues({ userPoolId, corbado }: TenantFile, rules: ConfigRules): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const urlIssue = backendApiUrlIssue(corbado.backendApiUrl, rules.backendApiHosts)
  if (urlIssue) issues.push({ path: '/corbado/backendApiUrl', message: urlIssue })
  const { credentialParameter } = corbado
  return [...issues, ...parameterIssues('/corbado/credentialParameter', credentialParameter, userPoolId, rules)]
}

/** A tenant's secrets are under its own pool's id, so that no config can name another tenant's. */
function parameterIssues(
  path: string,
  name: string,
  userPoolId: string,
  { parameterPrefix }: ConfigRules,
): ConfigIssue[] {
  const prefix = `${parameterPrefix}/${userPoolId}/`
  const isUnder = name.startsWith(prefix) && /^[\w.-]+(\/[\w.-]+)*$/.test(name.slice(prefix.length))
  return isUnder ? [] : [{ path, message: `must be a parameter name under ${prefix}` }]
}

/** The names of nobody are hashed under the pseudonym key, so there must be one. */
function decoyIssues({ actions }: TenantFile, { pseudonymKeyParameter }: ConfigRules): ConfigIssue[] {
  if (actions.preLogin?.unknownUser !== 'decoy' || pseudonymKeyParameter !== undefined) return []
  const message = 'must not be decoy, as PSEUDONYM_KEY_PARAMETER is not set: the names are hashed under its key'
  return [{ path: '/actions/preLogin/unknownUser', message }]
}

/** Claims that Cognito sets itself, or that applications already read as something else (fact A53). */
const TAKEN_CLAIMS =
  /^(acr|amr|at_hash|aud|auth_time|azp|client_id|device_key|event_id|exp|iat|identities|iss|jti|nbf|nonce|origin_jti|scope|sub|token_use|username|version|name|given_name|family_name|middle_name|nickname|preferred_username|profile|picture|website|email|email_verified|gender|birthdate|zoneinfo|locale|phone_number|phone_number_verified|address|updated_at)$|^(cognito|custom|dev):/

/** A claim is worth something only if nothing else sets its name, and only for app clients whose logins are ours. */
function claimIssues({ login }: TenantFile): ConfigIssue[] {
  const { claim, clientIds } = login ?? {}
  if (!claim) return []
  const foreign = claim.clientIds.findIndex((one) => clientIds !== undefined && !clientIds.includes(one))
  return [
    ...(TAKEN_CLAIMS.test(claim.name)
      ? [{ path: '/login/claim/name', message: 'must be a name that Cognito does not give to a claim of its own' }]
      : []),
    ...(foreign >= 0 ? [{ path: `/login/claim/clientIds/${foreign}`, message: 'must be one of login.clientIds' }] : []),
  ]
}

/** The action has a proof and no password, so it can sign users in only if the proof alone is asked for. */
function postLoginIssues({ userPoolId, login, actions, corbado }: TenantFile, rules: ConfigRules): ConfigIssue[] {
  const { postLogin } = actions
  if (!postLogin) return []
  const { clientSecretParameter: parameter } = postLogin
  const path = '/actions/postLogin/clientSecretParameter'
  const issues = parameter === undefined ? [] : parameterIssues(path, parameter, userPoolId, rules)
  if (parameter !== undefined && parameter === corbado.credentialParameter) {
    issues.push({ path, message: 'must be another parameter than corbado.credentialParameter' })
  }
  if (login?.clientIds && !login.clientIds.includes(postLogin.clientId)) {
    issues.push({
      path: '/actions/postLogin/clientId',
      message: "must be one of login.clientIds, where passkeys are Corbado's",
    })
  }
  if (login?.flow === 'password-then-passkey') {
    const message = 'must be left out: post-login has no password, and login.flow asks for one first'
    issues.push({ path: '/actions/postLogin', message })
  }
  return issues
}

/** What is wrong with a Backend API address; the host must be on the allow-list, so that no proof can be sent elsewhere. */
function backendApiUrlIssue(address: string, hosts: readonly string[]): string | undefined {
  // The parser would overlook tabs, backslashes and an empty query; what is sent must be what was read and approved.
  if (!/^https?:\/\/[^\s\\?#@]+$/.test(address) || !URL.canParse(address)) {
    return 'must be an https address without user, query or fragment'
  }
  const url = new URL(address)
  if (url.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) return 'must use https'
  if (!hosts.some((pattern) => hostMatches(url.hostname, pattern))) {
    return `must have a host that BACKEND_API_HOSTS allows (${hosts.join(', ')})`
  }
  return undefined
}

function hostMatches(host: string, pattern: string): boolean {
  const labels = host.split('.')
  const wanted = pattern.split('.')
  return labels.length === wanted.length && wanted.every((label, i) => label === '*' || label === labels[i])
}

/** The chained triggers of a file, by name. */
function chainsOf({ triggers = {} }: TenantFile): [name: string, chain: Chain][] {
  return Object.entries(triggers as Record<string, unknown>).filter(
    (entry): entry is [string, Chain] => typeof entry[1] === 'object',
  )
}

/** Corbado's logins and the function's must never mix: either the split is complete, or there is none. */
function chainIssues(file: TenantFile, { gatewayFunctionArn }: ConfigRules): ConfigIssue[] {
  const chains = chainsOf(file)
  const names = chains.map(([name]) => name)
  const own: readonly string[] = CUSTOM_AUTH_TRIGGERS
  const missing = own.some((name) => names.includes(name)) ? own.filter((name) => !names.includes(name)) : []
  const issues = missing.map((name) => ({
    path: `/triggers/${name}`,
    message: 'is missing: the three triggers of custom authentication are chained together, or none',
  }))
  if (missing.length === 0 && names.some((name) => own.includes(name)) && file.login?.clientIds === undefined) {
    issues.push({
      path: '/login/clientIds',
      message: "is missing: it names the app clients that are Corbado's; the function gets the logins of all others",
    })
  }
  return [...issues, ...chains.flatMap(([name, chain]) => functionIssues(name, chain, file, gatewayFunctionArn))]
}

/** Triggers whose failure must not be ignored: a login or a migration would end in a way that nobody decided. */
const NEVER_IGNORED: readonly string[] = [...CUSTOM_AUTH_TRIGGERS, 'userMigration']

function functionIssues(
  name: string,
  { functionArn, onFailure }: Chain,
  { aws }: TenantFile,
  ours: string | undefined,
): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const path = `/triggers/${name}`
  const [, partition, , region = '', accountId] = functionArn.split(':')
  const regions = [aws.region, ...(aws.replicaRegions ?? [])]
  if (functionOf(functionArn) === ours) {
    issues.push({ path: `${path}/functionArn`, message: 'must not be the gateway itself: the call would never end' })
  } else if (accountId !== aws.accountId || !regions.includes(region) || partition !== partitionOf(region)) {
    const message = `must be a function of account ${aws.accountId} in ${regions.join(' or ')}`
    issues.push({ path: `${path}/functionArn`, message })
  }
  if (onFailure === 'ignore' && NEVER_IGNORED.includes(name)) {
    issues.push({ path: `${path}/onFailure`, message: 'must be fail: this trigger cannot be answered without it' })
  }
  return issues
}

/** Partitions whose pools' ID tokens `aws-jwt-verify` can check: it knows one domain of AWS, and that form of region. */
const CHECKED_TOKENS: readonly string[] = ['aws', 'aws-us-gov']

function connectTokenIssues({ aws, connectTokens }: TenantFile): ConfigIssue[] {
  const partition = partitionOf(aws.region)
  if (connectTokens === undefined || CHECKED_TOKENS.includes(partition)) return []
  const message = `must be left out: ID tokens of pools in ${partition} cannot be checked, only those in ${CHECKED_TOKENS.join(' and ')}`
  return [{ path: '/connectTokens', message }]
}

function aliasIssues({ alias }: TenantFile, { actionsAlias }: ConfigRules): ConfigIssue[] {
  return alias === actionsAlias ? [{ path: '/alias', message: `must not be the actions alias (${actionsAlias})` }] : []
}
