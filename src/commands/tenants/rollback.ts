import type { Command } from 'commander'
import { fieldName } from '../../fields.js'
import { accountClashes, type ConfigSource, recordSource } from '../../operator/files/clashes.js'
import { fetchPlace } from '../../operator/place.js'
import { fetchStatusBefore, withTenant } from '../../operator/records/find.js'
import { requireValid, tenantIdOf, writtenText } from '../../operator/records/record.js'
import { nextStatus, placeOfRecord } from '../../operator/records/status-machine.js'
import { operatorCall } from '../../operator/upstreams.js'
import type { TenantFile } from '../../tenant/config.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'
import { TENANT_ARGUMENT } from '../options.js'
import { addChangeOptions, type ChangeOptions, changeTenant } from './change.js'

/** `tenants rollback`: an earlier config again, as a new version. */
export function tenantsRollbackCommand(io: CommandIo): Command {
  const path = 'corbado-gateway tenants rollback'
  const command = defineCommand(io, {
    path,
    summary:
      'Writes an earlier config of a tenant, status included, as a new version; a draft stays one. Without --yes, shows ' +
      'what would change.',
    examples: [`${path} acme-shop`, `${path} acme-shop --to 3 --yes`],
  })
    .argument(...TENANT_ARGUMENT)
    .option('--to <version>', 'the version to go back to (default: the one before the current)', versionNumber)
    .option('--yes', 'write it without being asked')
  return addChangeOptions(command).action((word: string, options: ChangeOptions & { to?: number }) =>
    rollBack(word, options, io),
  )
}

function versionNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new WrongUsage('--to must be a version number, as tenants history shows them')
  return Number(text)
}

function rollBack(word: string, options: ChangeOptions & { to?: number }, io: CommandIo): Promise<void> {
  return withTenant(
    word,
    io,
    async ({ record, config: before, records }, upstreams, env) => {
      const target = await fetchTarget(record, options.to, upstreams)
      const config = requireValid(target.config, target, env)
      const was = await fetchStatusBefore(record, upstreams)
      const asked = config.status
      const at = placeOfRecord(record, was)
      const status = nextStatus({ command: 'rollback', place: at, asked, ...(was && { before: was }) }) ?? before.status
      const after = { ...config, status }
      requireFree(after, record, records)
      const to = `--to ${target.version}`
      const command = `corbado-gateway tenants rollback ${shellWord(before.tenantId)} ${to}`
      if (!options.json) {
        io.stdout.write(`to go back to: ${writtenText(target)}\n`)
        if (status !== asked) io.stdout.write(keptStatusText(before, asked))
      }
      const place = await fetchPlace(upstreams, env, io)
      await changeTenant({ record, before, after, command, asks: true, place }, options, upstreams, io)
    },
    options.dir,
  )
}

/** A draft goes live by activate alone: an old version must not bring it past the doctor. */
function keptStatusText({ tenantId, status }: TenantFile, asked: TenantFile['status']): string {
  const activate = `corbado-gateway tenants activate ${shellWord(tenantId)}`
  return `its status stays ${status}, not ${asked} as in that version: a draft goes live by ${activate}\n`
}

async function fetchTarget(record: TenantRecord, to: number | undefined, { table }: OperatorUpstreams) {
  const kept = (await table.listVersions(record.userPoolId, operatorCall())).filter(
    ({ record: name, version }) => name === `v${version}` && version < record.version,
  )
  const target = to === undefined ? kept.at(-1) : kept.find(({ version }) => version === to)
  if (target) return target
  const versions = kept.map(({ version }) => version).reverse()
  const there = versions.length === 0 ? 'there is no earlier one' : `the earlier ones are ${versions.join(', ')}`
  throw new NotPossible(`${tenantIdOf(record)} cannot go back: it is at version ${record.version}, and ${there}`)
}

/** The name that a tenant had may be another's by now, and so may the account. */
function requireFree(after: TenantFile, { userPoolId }: TenantRecord, records: readonly TenantRecord[]): void {
  const { tenantId } = after
  const others = records.filter((other) => other.userPoolId !== userPoolId)
  const holder = others.find((other) => tenantIdOf(other) === tenantId)
  if (holder) throw new NotPossible(`the tenant id ${tenantId} is used by user pool ${holder.userPoolId} now`)
  const own: ConfigSource = { value: after, where: () => '', issueAt: configIssue }
  const [clash] = accountClashes([...others.map(recordSource), own])
  if (clash) throw new NotPossible(`${tenantId} cannot go back: ${clash.field} ${clash.message}`)
}

function configIssue(path: string, message: string) {
  return { file: '', line: 1, column: 1, field: fieldName(path), message }
}
