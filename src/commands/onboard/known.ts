import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigRules } from '../../env.js'
import { readTenantFolder, type TenantFolder } from '../../operator/files/folder.js'
import { configOf, tenantIdOf } from '../../operator/records/record.js'
import type { TenantFile } from '../../tenant/config.js'
import { WrongUsage } from '../../terminal/failure.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** A tenant that there is already. */
export interface KnownTenant {
  readonly tenantId: string
  readonly userPoolId: string
  /** Where it was seen, for a person. */
  readonly where: string
  /** Undefined if the table holds something that is no config. */
  readonly config: TenantFile | undefined
}

/** Who an AWS account belongs to, and the ExternalId that its roles ask for. */
interface AccountHolder {
  readonly customer: string
  readonly externalId: string
  readonly where: string
}

/**
 * The folder that gets the new file; it may be empty.
 * @throws WrongUsage if there is no such folder
 */
export async function readOnboardFolder(dir: string, rules: ConfigRules): Promise<TenantFolder> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    throw new WrongUsage(`the folder ${dir} cannot be read (${error.code}): make it, or name another with --dir`)
  })
  const isEmpty = !names.some((name) => /^[^.].*\.ya?ml$/i.test(name))
  return isEmpty ? { entries: [], issues: [] } : readTenantFolder(dir, rules)
}

/** All tenants of the folder and of the table; one that is in both is there twice. */
export function knownTenants(dir: string, folder: TenantFolder, records: readonly TenantRecord[]): KnownTenant[] {
  const files = folder.entries.map(({ tenant }) => {
    const { tenantId, userPoolId } = tenant
    return { tenantId, userPoolId, where: join(dir, `${tenantId}.yaml`), config: tenant }
  })
  const recorded = records.map((record) => {
    const tenantId = tenantIdOf(record)
    return { tenantId, userPoolId: record.userPoolId, where: `${tenantId} in the table`, config: configOf(record) }
  })
  return [...files, ...recorded]
}

/** The holder of an account; undefined if none of its pools is known. */
export function accountHolder(known: readonly KnownTenant[], accountId: string): AccountHolder | undefined {
  const holders = known.flatMap(({ config, where }): AccountHolder[] => {
    const { customer, aws } = config ?? {}
    return customer !== undefined && aws?.accountId === accountId && aws.externalId !== null
      ? [{ customer, externalId: aws.externalId, where }]
      : []
  })
  return holders[0]
}
