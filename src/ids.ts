/** Brands: a value of these types was parsed at the edge, so inner rooms need not check it again. */
declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** The lookup key of a tenant. */
export type UserPoolId = Brand<string, 'UserPoolId'>

/** Cognito's own pattern and length for user pool ids (fact A9). */
export const USER_POOL_ID_PATTERN = '^[\\w-]+_[0-9a-zA-Z]+$'
export const USER_POOL_ID_LENGTH_MAX = 55

const userPoolId = new RegExp(USER_POOL_ID_PATTERN)

/** Is this text shaped like a user pool id? */
export function isUserPoolId(value: unknown): value is UserPoolId {
  return typeof value === 'string' && value.length <= USER_POOL_ID_LENGTH_MAX && userPoolId.test(value)
}

/** The name of an AWS region, as a pattern without its ends: `eu-central-1`, `us-gov-west-1`, `eusc-de-east-1`. */
export const REGION_PATTERN = '[a-z]{2,4}(-[a-z]+)+-\\d'

/** The name of a partition in an ARN, as a pattern without its ends: AWS adds partitions, and we need not know each. */
export const PARTITION_PATTERN = 'aws(?:-[a-z]+)*'

/**
 * AWS's partitions, the beginnings of their regions' names, and their domains (SDK's model). All other regions are in the
 * first.
 */
const partitions = [
  { name: 'aws', region: /^/, domain: 'amazonaws.com' },
  { name: 'aws-cn', region: /^cn-/, domain: 'amazonaws.com.cn' },
  { name: 'aws-us-gov', region: /^us-gov-/, domain: 'amazonaws.com' },
  { name: 'aws-eusc', region: /^eusc-/, domain: 'amazonaws.eu' },
  { name: 'aws-iso', region: /^us-iso-/, domain: 'c2s.ic.gov' },
  { name: 'aws-iso-b', region: /^us-isob-/, domain: 'sc2s.sgov.gov' },
  { name: 'aws-iso-e', region: /^eu-isoe-/, domain: 'cloud.adc-e.uk' },
  { name: 'aws-iso-f', region: /^us-isof-/, domain: 'csp.hci.ic.gov' },
] as const
/** The name of a partition, such as `aws-cn`. */
export type Partition = (typeof partitions)[number]['name']
export const PARTITIONS: readonly Partition[] = partitions.map(({ name }) => name)
/** The domains of AWS's services, each once. */
export const AWS_DOMAINS: readonly string[] = [...new Set(partitions.map(({ domain }) => domain))]

/** The AWS partition of a region; a role can be assumed only within its own partition. */
export function partitionOf(region: string): Partition {
  return partitions.findLast((one) => one.region.test(region))?.name ?? 'aws'
}

/** A cache key that always starts with its tenant, so that no two tenants share an entry. */
export type TenantKey = Brand<string, 'TenantKey'>

/** Joins the pool id and further parts; each part is URI-encoded, so no two lists of parts give the same key. */
export function tenantKey(pool: UserPoolId, ...parts: readonly string[]): TenantKey {
  // A pool id has no character that would be encoded.
  return (parts.length === 0 ? pool : [pool, ...parts].map(encodeURIComponent).join('|')) as string as TenantKey
}

/** The alias that an invoked Lambda ARN names; undefined without one, and for `$LATEST`. */
export function aliasOf(invokedFunctionArn: string): string | undefined {
  const qualifier = invokedFunctionArn.split(':')[7]
  return qualifier === '$LATEST' ? undefined : qualifier
}

/** An invoked Lambda ARN without its version or alias. */
export function functionOf(invokedFunctionArn: string): string {
  return invokedFunctionArn.split(':', 7).join(':')
}

/** Cognito's pattern and length for user names (fact A10). */
const username = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u
export const USERNAME_LENGTH_MAX = 128

/** Could Cognito accept this text as a user name? Whether such a user exists is another question. */
export function isUsername(value: string): boolean {
  return value.length <= USERNAME_LENGTH_MAX && username.test(value)
}

/** ListUsers takes at most this many characters (fact A20). */
const FILTER_LENGTH_MAX = 256

/**
 * A ListUsers filter for one value, in which quotes and backslashes are escaped; undefined if it would be too long for
 * Cognito.
 */
export function attributeFilter(attribute: string, value: string): string | undefined {
  const filter = `${attribute} = "${value.replace(/["\\]/g, '\\$&')}"`
  return filter.length <= FILTER_LENGTH_MAX ? filter : undefined
}
