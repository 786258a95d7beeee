import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { fetchRecords } from '../../operator/records/find.js'
import { oddRecordTexts, tenantIdOf, textOf } from '../../operator/records/record.js'
import { withUpstreams } from '../../operator/upstreams.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, type Output, writeNote } from '../../terminal/io.js'
import { counted, textTable } from '../../terminal/text.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** `tenants list`: who is in the table, one line each. */
export function tenantsListCommand(io: CommandIo): Command {
  const path = 'corbado-gateway tenants list'
  return defineCommand(io, {
    path,
    summary: 'Lists the tenants of the table with status, alias and last change.',
    examples: [path, `${path} passkeys-off`, `${path} acme --json`],
  })
    .argument('[word]', 'only those with this in tenant id, customer or pool id, or with this status or alias')
    .option('--json', 'print { kind: "tenants-list", tenants }')
    .action((word: string | undefined, { json = false }: { json?: boolean }) =>
      withUpstreams(io, async ({ table }) => {
        const records = await fetchRecords({ table })
        const rows = records.map(rowOf).filter((row) => word === undefined || fits(row, word.toLowerCase()))
        rows.sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
        for (const text of oddRecordTexts(records)) writeNote(io, 'warning', text)
        if (json) writeAnswer(io, 'tenants-list', { tenants: rows })
        else io.stdout.write(listText(rows, records.length, io.stdout))
      }),
    )
}

type Row = ReturnType<typeof rowOf>

function rowOf(record: TenantRecord) {
  const { userPoolId, version, updatedAt, updatedBy } = record
  return {
    tenantId: tenantIdOf(record),
    customer: textOf(record, 'customer'),
    userPoolId,
    status: textOf(record, 'status'),
    alias: textOf(record, 'alias'),
    version,
    updatedAt,
    updatedBy,
  }
}

function fits({ tenantId, customer, userPoolId, status, alias }: Row, word: string): boolean {
  const named = [tenantId, customer, userPoolId].some((name) => name.toLowerCase().includes(word))
  return named || status === word || alias.toLowerCase() === word
}

function listText(rows: readonly Row[], total: number, output: Output): string {
  const count = `${rows.length} of ${counted(total, 'tenant')}\n`
  if (rows.length === 0) return count
  const names = ['tenant', 'customer', 'pool', 'status', 'alias', 'version', 'changed', 'by']
  const cells = rows.map((row) => Object.values(row).map((cell) => (cell === 0 ? '' : String(cell))))
  return `${textTable(names, cells, output)}${count}`
}
