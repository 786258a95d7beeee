import { textAt } from '../../fields.js'
import { shellWord } from '../../terminal/text.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { tenantIdOf } from '../records/record.js'
import { type FileIssue, placeOf, type TenantEntry } from './read.js'

/** A config, valid or not, and where it stands. */
export interface ConfigSource {
  readonly value: unknown
  /** Where a path (a JSON pointer) of it stands, for a person. */
  where(path: string): string
  /** Words an issue at a path; undefined for what is not the file to be fixed. */
  readonly issueAt: ((path: string, message: string) => FileIssue) | undefined
}

/**
 * Configs that claim the AWS account of another customer, or the ExternalId of another account, which an earlier one holds.
 * These two alone tell customers' roles apart: a customer who copied them could make us use another's role.
 */
export function accountClashes(sources: readonly ConfigSource[]): FileIssue[] {
  return [
    ...clashes(sources, ['aws', 'accountId'], ['customer'], (customer, where) => {
      return `is the account of customer ${customer} in ${where}: an account has one customer`
    }),
    ...clashes(sources, ['aws', 'externalId'], ['aws', 'accountId'], (accountId, where) => {
      return `is the ExternalId of account ${accountId} in ${where}: every account has its own`
    }),
  ]
}

type Path = readonly string[]

/** Sources in which a field has a value that belongs to another owner already. */
function clashes(
  sources: readonly ConfigSource[],
  field: Path,
  ownerField: Path,
  message: (owner: string, where: string) => string,
): FileIssue[] {
  const path = `/${field.join('/')}`
  const first = new Map<string, { readonly owner: string; readonly source: ConfigSource }>()
  return sources.flatMap((source) => {
    // A self-hosted tenant's `null` is no text.
    const [value, owner] = [textAt(source.value, ...field), textAt(source.value, ...ownerField)]
    if (value === undefined || owner === undefined) return []
    const known = first.get(value)
    if (!known) first.set(value, { owner, source })
    if (!known || known.owner === owner || !source.issueAt) return []
    return [source.issueAt(path, message(known.owner, known.source.where(path)))]
  })
}

/** What files may not say because of pools of the table that no file names. */
export function tableClashes(entries: readonly TenantEntry[], withoutFile: readonly TenantRecord[]): FileIssue[] {
  const files = entries.map(({ tenant, issueAt }): ConfigSource => {
    return { value: tenant, where: (path) => placeOf(issueAt(path, '')), issueAt }
  })
  return [...takenIds(entries, withoutFile), ...accountClashes([...withoutFile.map(recordSource), ...files])]
}

/** A record among the configs that are compared. */
export function recordSource(record: TenantRecord): ConfigSource {
  const where = `the table (${tenantIdOf(record)}, user pool ${record.userPoolId})`
  return { value: record.config, where: () => where, issueAt: undefined }
}

/** A tenant id that a pool without a file holds already: two pools would share one name in logs and commands. */
function takenIds(entries: readonly TenantEntry[], withoutFile: readonly TenantRecord[]): FileIssue[] {
  const holders = new Map(withoutFile.map((record) => [tenantIdOf(record), record.userPoolId]))
  return entries.flatMap(({ tenant, issueAt }) => {
    const holder = holders.get(tenant.tenantId)
    if (!holder) return []
    const remove = `corbado-gateway tenants remove ${shellWord(tenant.tenantId)}`
    const what = `is already used in the table, by user pool ${holder}: another pool is another tenant. If ${holder} is wrong or `
    return [issueAt('/tenantId', `${what}gone, take it out first: ${remove}`)]
  })
}
