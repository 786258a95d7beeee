import type { Command } from 'commander'
import { isUserPoolId } from '../../ids.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { changesJson, changesOf, changeText, type FieldChange } from '../../operator/records/changes.js'
import { fetchRecords, findTenant, findTenants, noSuchTenant } from '../../operator/records/find.js'
import { oddRecordTexts, tenantIdOf } from '../../operator/records/record.js'
import { authorOf, fetchSecretHistories, type TenantSecret } from '../../operator/records/secret.js'
import { operatorCall, withUpstreams } from '../../operator/upstreams.js'
import { inLine } from '../../terminal/clean.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, type Output, type Paint, writeNote } from '../../terminal/io.js'
import { textTable } from '../../terminal/text.js'
import type { Table, TenantRecord } from '../../upstreams/operator.js'
import { TENANT_ARGUMENT } from '../options.js'

/** One version of a tenant, and what it changed against the one before. */
interface Version {
  readonly version: number
  readonly updatedAt: string
  readonly updatedBy: string
  /** `added`: there was none before; `removed`: from here on the pool was not in the table. */
  readonly what: 'added' | 'changed' | 'removed'
  readonly changes: readonly FieldChange[]
}

/** `tenants history`: every version of a tenant and of its secrets, also of one that was removed. */
export function tenantsHistoryCommand(io: CommandIo): Command {
  const path = 'corbado-gateway tenants history'
  return defineCommand(io, {
    path,
    summary:
      'Lists the versions of a tenant and of its secrets, the newest first: when, by whom, which fields changed. The value of ' +
      'a secret is not asked for.',
    examples: [`${path} acme-shop`, `${path} eu-central-1_Ac0meSh0p --json`],
  })
    .argument(TENANT_ARGUMENT[0], `${TENANT_ARGUMENT[1]}; of a removed one, its user pool id`)
    .option('--json', 'print { kind: "tenant-history", userPoolId, versions, secret?, clientSecret? }')
    .action((word: string, { json = false }: { json?: boolean }) =>
      withUpstreams(io, async (upstreams) => {
        const records = await fetchHistory(word, upstreams.table)
        const versions = versionsOf(records)
        const name = records.findLast(({ record }) => !record.endsWith('-removed')) ?? records[0]
        const secrets = name ? await fetchSecretHistories(name, upstreams) : []
        for (const text of oddRecordTexts(records)) writeNote(io, 'warning', text)
        for (const { parameter, unknown } of secrets) {
          if (unknown === undefined) continue
          writeNote(io, 'note', `who stored ${inLine(parameter)}, and when, is not known: ${unknown}`)
        }
        const { userPoolId } = name ?? {}
        if (json) {
          const answer = { userPoolId, versions: versions.map(versionJson) }
          const [secret, clientSecret] = [secretJson(secrets, 'secret'), secretJson(secrets, 'client secret')]
          writeAnswer(io, 'tenant-history', { ...answer, secret, clientSecret })
        } else {
          const text = historyText(versions, secrets, io.stdout)
          io.stdout.write(`${name && tenantIdOf(name)} (${userPoolId})\n${text}`)
        }
      }),
    )
}

/** All records of the pool that a word names, the oldest first. */
async function fetchHistory(word: string, table: Table): Promise<TenantRecord[]> {
  const records = await fetchRecords({ table })
  const current = findTenants(records, word).length > 0 ? findTenant(records, word) : undefined
  const userPoolId = current?.userPoolId ?? (isUserPoolId(word) ? word : undefined)
  const kept = userPoolId ? await table.listVersions(userPoolId, operatorCall()) : []
  if (!current) {
    if (kept.length === 0) throw noSuchTenant(records, word, ' (one that was removed is found by its user pool id)')
    return kept
  }
  // A write that was stopped half-way has kept the current record already.
  return [...kept.filter(({ version }) => current.version === 0 || version < current.version), current]
}

function versionsOf(records: readonly TenantRecord[]): Version[] {
  let before: TenantRecord | undefined
  const versions = records.map((record): Version => {
    const { version, updatedAt, updatedBy } = record
    const previous = before
    before = record
    const line = { version, updatedAt, updatedBy, changes: [] }
    if (record.record.endsWith('-removed')) return { ...line, what: 'removed' }
    if (!previous || previous.record.endsWith('-removed')) return { ...line, what: 'added' }
    return { ...line, what: 'changed', changes: changesOf(previous.config, record.config) }
  })
  return versions.reverse()
}

function versionJson(version: Version) {
  return { ...version, changes: changesJson(version.changes) }
}

function secretJson(secrets: readonly TenantSecret[], kind: TenantSecret['what']) {
  const { what: _, field: __, ...history } = secrets.find(({ what }) => what === kind) ?? {}
  return 'parameter' in history ? history : undefined
}

const plain: Paint = (_, text) => text

/** The versions of the config in their order, those of the secrets among them by their time. */
function historyText(versions: readonly Version[], secrets: readonly TenantSecret[], output: Output): string {
  const stored = secrets.flatMap(({ what, field, versions }) =>
    versions.map((one) => ({
      at: one.updatedAt,
      row: [`${what} ${one.version}`, one.updatedAt, authorOf(one), `value of ${field}`],
    })),
  )
  const left = stored.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
  const rows = versions.flatMap(({ version, updatedAt, updatedBy, what, changes }) => {
    const older = left.findIndex(({ at }) => at < updatedAt)
    const newer = left.splice(0, older === -1 ? left.length : older)
    const fields = changes.map((change) => changeText(change, plain)).join(', ')
    const number = version === 0 ? '' : String(version)
    const own = [number, updatedAt, updatedBy, what === 'changed' ? fields || 'nothing' : what]
    return [...newer.map(({ row }) => row), own]
  })
  return textTable(['version', 'when', 'by', 'changed'], [...rows, ...left.map(({ row }) => row)], output)
}
