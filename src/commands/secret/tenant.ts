import { isDeepStrictEqual } from 'node:util'
import type { Env } from '../../env.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { fetchRecords, findTenant, findTenants, noSuchTenant } from '../../operator/records/find.js'
import { requireValid } from '../../operator/records/record.js'
import type { TenantFile } from '../../tenant/config.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import type { Table, TenantRecord } from '../../upstreams/operator.js'

interface Sources {
  readonly table: Table
  readonly env: Env
  readonly io: CommandIo
}

/**
 * The tenant whose secret is meant: as the table has it, else as a file has it. A new tenant's secret comes before its
 * config is applied.
 * @throws NotPossible where there is none, or its config is not valid
 */
export async function resolveSecretTenant(word: string, dir: string, { table, env, io }: Sources): Promise<TenantFile> {
  const records = await fetchRecords({ table })
  const files = await readFiles(dir, env)
  if (findTenants(records, word).length > 0) {
    const record = findTenant(records, word)
    const tenant = requireValid(record.config, record, env)
    const file = files.find(({ userPoolId }) => userPoolId === tenant.userPoolId)
    if (file?.config && !isDeepStrictEqual(Object(file.config).corbado, tenant.corbado)) noteOther(tenant, dir, io)
    return tenant
  }
  if (findTenants(files, word).length > 0)
    return requireValid(findTenant(files, word).config, findTenant(files, word), env)
  throw new NotPossible(`${noSuchTenant(records, word)}; no valid file of ${dir} is of that name either`)
}

/** The valid files of a folder, in the form of records that were never written; none where there is no such folder. */
async function readFiles(dir: string, env: Env): Promise<TenantRecord[]> {
  try {
    const { entries } = await readTenantFolder(dir, env)
    return entries.map(({ tenant }) => {
      const { userPoolId } = tenant
      return { userPoolId, record: 'file', version: 0, updatedAt: '', updatedBy: '', config: tenant }
    })
  } catch (error) {
    if (error instanceof WrongUsage) return []
    throw error
  }
}

function noteOther({ tenantId }: TenantFile, dir: string, io: CommandIo): void {
  const paint = createPaint(io.stderr, io.env)
  const note = `the file of ${tenantId} in ${dir} says otherwise under corbado than the table; the table counts`
  io.stderr.write(`${paint('yellow', 'note:')} ${note}\n`)
}
