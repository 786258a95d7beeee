import { EnvInvalid } from './errors.js'
import { PARTITION_PATTERN, REGION_PATTERN } from './ids.js'

/** The version in package.json; a test compares the two. */
export const GATEWAY_VERSION = '0.1.0'

/** Key in a Lambda ClientContext under which gateways count how many of them an event has passed through. */
export const HOPS_KEY = 'corbado-gateway-hops'

/** One setting of the process: how its text is read, and what the table in DOORS.md says about it. */
interface Setting<T> {
  readonly name: string
  readonly default: string | undefined
  readonly required?: true
  /** The variable may also be set in lower case, as for other programs; that one then wins. */
  readonly lowerCase?: true
  readonly doc: string
  readonly parse: (text: string) => T
}

/** Thrown by a setting's parser; the message completes "NAME must be …". */
class Unreadable extends Error {}

function integer(min: number, max: number) {
  return (value: string): number => {
    const number = Number(value)
    if (/^\d+$/.test(value) && number >= min && number <= max) return number
    throw new Unreadable(`a whole number from ${min} to ${max}`)
  }
}

function oneOf<T extends string>(...choices: readonly T[]) {
  return (value: string): T => {
    const found = choices.find((choice) => choice === value)
    if (found !== undefined) return found
    throw new Unreadable(`one of ${choices.join(', ')}`)
  }
}

function flag(value: string): boolean {
  return oneOf('true', 'false')(value) === 'true'
}

function matching(pattern: RegExp, what: string) {
  return (value: string): string => {
    if (pattern.test(value)) return value
    throw new Unreadable(what)
  }
}

/** Host names; `*` stands for one label: `*.cloud.example.com`. */
function hostPatterns(value: string): readonly string[] {
  const patterns = value.split(',').map((part) => part.trim().toLowerCase())
  if (patterns.every((part) => /^(\*|[a-z0-9-]+|\[[0-9a-f:]+\])(\.(\*|[a-z0-9-]+))*$/.test(part))) return patterns
  throw new Unreadable('host names separated by commas, * for one label')
}

/** A proxy's address; one without a scheme speaks plain HTTP. */
function proxyUrl(value: string): string {
  const text = value.includes('://') ? value : `http://${value}`
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new Unreadable('the address of an HTTP proxy')
}

function endpointUrl(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '')
  throw new Unreadable('the address of an endpoint')
}

function words(value: string): readonly string[] {
  return value
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '')
}

const parameterName = matching(/^(\/[\w.-]+){1,15}$/, 'an SSM parameter name that starts with /')

/** Corbado's documented Backend API hosts (fact C1). */
const documentedHosts = 'backendapi.cloud.corbado.io,backendapi.corbado.io'

const required = { default: undefined, required: true } as const

/** Every setting there is; the table in DOORS.md is compared with this list. */
export const SETTINGS = {
  tenantTable: {
    name: 'TENANT_TABLE',
    ...required,
    doc: 'DynamoDB table of the tenant configs',
    parse: matching(/^[\w.-]{3,255}$/, 'a DynamoDB table name'),
  },
  awsRegion: {
    name: 'AWS_REGION',
    ...required,
    doc: 'region of the table, the secrets and STS',
    parse: matching(new RegExp(`^${REGION_PATTERN}$`), 'an AWS region'),
  },
  logLevel: {
    name: 'LOG_LEVEL',
    default: 'info',
    doc: 'lowest level that is logged',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  },
  port: {
    name: 'PORT',
    default: '3000',
    doc: 'port of the container door',
    parse: integer(0, 65_535),
  },
  host: {
    name: 'HOST',
    default: '0.0.0.0',
    doc: 'address on which the container door listens',
    parse: matching(/^[\w.:-]+$/, 'an address or a host name'),
  },
  metricsPort: {
    name: 'METRICS_PORT',
    default: undefined,
    doc: 'port of `GET /metrics`; without it no metrics are served',
    parse: integer(0, 65_535),
  },
  callerSecretsParameter: {
    name: 'CALLER_SECRETS_PARAMETER',
    default: undefined,
    doc: 'SSM parameter with the secrets of signed callers, one `whsec_…` a line; without it signed routes answer 401',
    parse: parameterName,
  },
  triggerDeadlineMs: {
    name: 'TRIGGER_DEADLINE_MS',
    default: '4200',
    doc: 'most milliseconds until an answer leaves; Cognito gives up after 5,000',
    parse: integer(500, 4_850),
  },
  tenantTtlSeconds: {
    name: 'TENANT_TTL_SECONDS',
    default: '60',
    doc: 'age up to which a tenant config is served without asking the table',
    parse: integer(1, 3_600),
  },
  tenantStaleSeconds: {
    name: 'TENANT_STALE_SECONDS',
    default: '300',
    doc: 'age up to which a config is served while it is read again; at least TENANT_TTL_SECONDS',
    parse: integer(1, 86_400),
  },
  secretTtlSeconds: {
    name: 'SECRET_TTL_SECONDS',
    default: '300',
    doc: 'age up to which a secret is served without asking SSM',
    parse: integer(1, 86_400),
  },
  maxTenantsInMemory: {
    name: 'MAX_TENANTS_IN_MEMORY',
    default: '10000',
    doc: 'most tenants whose config, credentials and secrets are kept',
    parse: integer(1, 1_000_000),
  },
  parameterPrefix: {
    name: 'PARAMETER_PREFIX',
    default: '/corbado/gateway',
    doc: "a tenant's parameters are named <prefix>/<userPoolId>/…",
    parse: parameterName,
  },
  actionsAlias: {
    name: 'ACTIONS_ALIAS',
    default: 'actions',
    doc: 'Lambda alias through which Corbado invokes actions',
    parse: matching(/^(?!\d+$)[\w-]{1,128}$/, 'a Lambda alias name'),
  },
  allowUnqualified: {
    name: 'ALLOW_UNQUALIFIED',
    default: 'false',
    doc: 'serve invocations that name no alias',
    parse: flag,
  },
  gatewayFunctionArn: {
    name: 'GATEWAY_FUNCTION_ARN',
    default: undefined,
    doc: "ARN, without an alias, of the function that Cognito invokes; if it is set, a forwarder's envelope must agree with it",
    parse: matching(
      new RegExp(`^arn:${PARTITION_PATTERN}:lambda:${REGION_PATTERN}:\\d{12}:function:[\\w-]{1,64}$`),
      'the ARN of a Lambda function without version or alias',
    ),
  },
  selfHosted: {
    name: 'SELF_HOSTED',
    default: 'false',
    doc: "tenants without a role use the gateway's own credentials",
    parse: flag,
  },
  pseudonymKeyParameter: {
    name: 'PSEUDONYM_KEY_PARAMETER',
    default: undefined,
    doc: 'SSM parameter with the key of the `user` pseudonym, 32 bytes or more; without it lines carry no `user`',
    parse: parameterName,
  },
  backendApiHosts: {
    name: 'BACKEND_API_HOSTS',
    default: documentedHosts,
    doc: 'host name patterns that a `backendApiUrl` may have, any port; * stands for one label',
    parse: hostPatterns,
  },
  cognitoEndpoint: {
    name: 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER',
    default: undefined,
    doc: "address of Cognito in place of AWS's own; pools' key sets are read there too, at `/<userPoolId>/.well-known/jwks.json`",
    parse: endpointUrl,
  },
  httpsProxy: {
    name: 'HTTPS_PROXY',
    default: undefined,
    lowerCase: true,
    doc: 'proxy through which AWS and Corbado are called, e.g. `http://proxy.example.com:3128`; this machine and link-local addresses never are',
    parse: proxyUrl,
  },
  httpProxy: {
    name: 'HTTP_PROXY',
    default: undefined,
    lowerCase: true,
    doc: 'the same for addresses that begin with `http:`',
    parse: proxyUrl,
  },
  noProxy: {
    name: 'NO_PROXY',
    default: undefined,
    lowerCase: true,
    doc: 'hosts that are called without a proxy, with all their subdomains, separated by commas; `*` for all',
    parse: words,
  },
} satisfies Record<string, Setting<unknown>>

type Settings = typeof SETTINGS
type Read<K extends keyof Settings> = ReturnType<Settings[K]['parse']>

/** The settings of the process, read once at start. */
export type Env = {
  readonly [K in keyof Settings]: Settings[K] extends { default: string } | { required: true }
    ? Read<K>
    : Read<K> | undefined
}

/** The proxies through which AWS and Corbado are called. */
export type Proxies = Partial<Pick<Env, 'httpsProxy' | 'httpProxy' | 'noProxy'>>

/** The settings on which the rules for a tenant config depend. */
export type ConfigRules = Pick<Env, 'parameterPrefix' | 'backendApiHosts' | 'selfHosted' | 'actionsAlias'> &
  Partial<Pick<Env, 'gatewayFunctionArn' | 'pseudonymKeyParameter'>>

function read<T>(setting: Setting<T>, source: Record<string, string | undefined>): T | undefined {
  // An empty variable counts as unset.
  const value = (setting.lowerCase && source[setting.name.toLowerCase()]) || source[setting.name] || setting.default
  if (value === undefined) return undefined
  try {
    return setting.parse(value)
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    // The value is not repeated: it may be the secret itself in place of its parameter's name, or a proxy's address with a
    // password.
    const parse: unknown = setting.parse
    const secret = parse === parameterName || parse === proxyUrl
    const given = secret ? `has ${value.length} characters of another form` : `is "${value}"`
    throw new EnvInvalid(`${setting.name} must be ${error.message}, but ${given}.`)
  }
}

/**
 * Reads the settings from environment variables.
 * @throws GW_ERR_ENV_INVALID with one line that names all settings that are missing, else the first wrong one
 */
export function parseEnv(source: Record<string, string | undefined>): Env {
  const names = Object.keys(SETTINGS) as (keyof Settings)[]
  const missing = names
    .map((name): Setting<unknown> => SETTINGS[name])
    .filter((one) => one.required && !source[one.name])
  if (missing.length > 0) throw new EnvInvalid(missing.map(({ name, doc }) => `${name} is not set: ${doc}.`).join(' '))
  const env = Object.fromEntries(names.map((name) => [name, read<unknown>(SETTINGS[name], source)])) as Env
  if (env.tenantStaleSeconds < env.tenantTtlSeconds) {
    throw new EnvInvalid('TENANT_STALE_SECONDS must be at least TENANT_TTL_SECONDS.')
  }
  return env
}

/**
 * Reads the proxies alone, for code that needs no other setting.
 * @throws GW_ERR_ENV_INVALID for the first wrong one
 */
export function parseProxies(source: Record<string, string | undefined>): Proxies {
  const { httpsProxy, httpProxy, noProxy } = SETTINGS
  return {
    httpsProxy: read<string>(httpsProxy, source),
    httpProxy: read<string>(httpProxy, source),
    noProxy: read<readonly string[]>(noProxy, source),
  }
}

/** {@link parseEnv} for a process that is starting: a wrong setting ends it with one line instead of a stack. */
export function parseEnvOrExit(source: Record<string, string | undefined>): Env {
  try {
    return parseEnv(source)
  } catch (error) {
    if (!(error instanceof EnvInvalid)) throw error
    process.stderr.write(`${error.message} [${error.code}]\n`)
    process.exit(1)
  }
}
