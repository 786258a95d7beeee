import { join } from 'node:path'
import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { deleteTenantFile, findTenantFile, type TenantFileFound } from '../../operator/files/edit.js'
import { fetchPlace, type PlanPlace, placeText } from '../../operator/place.js'
import { fetchPoolTriggers, slotsOf } from '../../operator/pool/triggers.js'
import { withTenant } from '../../operator/records/find.js'
import { inTableText } from '../../operator/records/past.js'
import { conflictText, keepRecord, userName } from '../../operator/records/write.js'
import { type OperatorSettings, readOperatorSettings } from '../../operator/settings.js'
import { operatorCall } from '../../operator/upstreams.js'
import type { TenantFile } from '../../tenant/config.js'
import { askLine, canAsk } from '../../terminal/ask.js'
import { inLine } from '../../terminal/clean.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { shellWord, textAt } from '../../terminal/text.js'
import type { OperatorUpstreams, Table, TenantRecord } from '../../upstreams/operator.js'
import { TENANT_ARGUMENT } from '../options.js'
import { addChangeOptions, type ChangeOptions, wordsOf } from './change.js'

type RemoveOptions = ChangeOptions & { readonly confirm?: string; readonly unchecked?: true }

/** `tenants remove`: takes a tenant out of the table, and its file away. */
export function tenantsRemoveCommand(io: CommandIo): Command {
  const path = 'corbado-gateway tenants remove'
  const command = defineCommand(io, {
    path,
    summary:
      "Takes a tenant out of the table and deletes its file. Refuses an active tenant, and while the pool's triggers call the " +
      'gateway: logins of the pool would fail. Keeps all versions; if the pool comes back, its next version follows them.',
    examples: [`${path} acme-shop`, `${path} acme-shop --confirm acme-shop`],
  })
    .argument(...TENANT_ARGUMENT)
    .option('--confirm <tenantId>', 'the tenant id once more, instead of being asked for it')
    .option('--unchecked', "remove it although it is not known what the pool's triggers call")
  return addChangeOptions(
    command,
    'print { kind: "tenant-removal", tenantId, userPoolId, removed, place, version?, file? }',
  ).action((word: string, options: RemoveOptions) => {
    // What is missing is told before anything is asked.
    const settings = readOperatorSettings(io.env, neededBy(options, io))
    return withTenant(
      word,
      io,
      async ({ record, config }, upstreams, env) => {
        const gone = await requireUnused(config, options, upstreams, settings)
        const file = await findTenantFile(
          join(options.dir, `${config.tenantId}.yaml`),
          config.userPoolId,
          readConfigRules(io.env),
        )
        const place = await fetchPlace(upstreams, env, io)
        if (!options.json) showRemoval(config, record, { file, gone, place }, io)
        if (await isConfirmed(config, options, io))
          await remove({ record, config, place }, options, upstreams.table, io)
        else reportNotRemoved(config, place, options, io)
      },
      options.dir,
    )
  })
}

/** What it takes to look at the pool's triggers; a self-hosted tenant has no role that a doctor could try. */
function neededBy({ unchecked }: RemoveOptions, { env }: CommandIo) {
  if (unchecked) return []
  return readConfigRules(env).selfHosted
    ? (['gatewayFunctionArn'] as const)
    : (['gatewayFunctionArn', 'doctorRoleArn'] as const)
}

/**
 * Is the pool itself gone?
 * @throws NotPossible if it is not and the tenant is active, or while triggers call the gateway, or if that cannot be known
 * and `--unchecked` is not given
 */
async function requireUnused(
  tenant: TenantFile,
  options: RemoveOptions,
  upstreams: OperatorUpstreams,
  { gatewayFunctionArn = '', doctorRoleArn }: OperatorSettings,
): Promise<boolean> {
  if (options.unchecked) {
    requirePaused(tenant, options)
    return false
  }
  const triggers = await fetchPoolTriggers(tenant, { upstreams, doctorRoleArn })
  // A pool that does not exist calls nobody.
  if (triggers.kind === 'no-pool') return true
  requirePaused(tenant, options)
  if (triggers.kind === 'not-checkable') {
    throw new NotPossible(
      `it is not known whether triggers of ${tenant.userPoolId} still call the gateway: ${triggers.why}. Ask the ` +
        `customer; if they do not: ${commandOf(tenant, { ...options, unchecked: true })}`,
    )
  }
  const slots = slotsOf(triggers.functionArns, gatewayFunctionArn)
  if (slots.length === 0) return false
  throw new NotPossible(
    `triggers of ${tenant.userPoolId} still call the gateway (${slots.join(', ')}): without the tenant they would fail. ` +
      'The customer takes them off first: corbado-gateway wire undo --help',
  )
}

function showRemoval(
  { tenantId, userPoolId, aws, status }: TenantFile,
  record: TenantRecord,
  { file, gone, place }: { readonly file: TenantFileFound; readonly gone: boolean; readonly place: PlanPlace },
  io: CommandIo,
): void {
  const paint = createPaint(io.stdout, io.env)
  const lines = [
    `${paint('red', '-')} ${textAt(2, `${tenantId} (${userPoolId}), ${status}, ${inTableText(record, io.clock.now())}`, io.stdout)}`,
    ...(gone
      ? [`  there is no such pool in ${aws.region} of account ${aws.accountId}: nothing calls the gateway`]
      : []),
    `  ${textAt(2, `its versions stay in the table; ${file.reason === undefined ? 'its file is deleted' : `${file.file} ${file.reason}: no file is deleted`}`, io.stdout)}`,
  ]
  io.stdout.write(`${placeText(place)}${lines.map((line) => `${line}\n`).join('')}`)
}

/**
 * Apps of an active tenant begin passkey logins; those of a paused one are told to go on with their own.
 * @throws NotPossible for an active tenant
 */
function requirePaused({ tenantId, status }: TenantFile, options: RemoveOptions): void {
  if (status !== 'active') return
  throw new NotPossible(
    `${tenantId} is active: its apps begin passkey logins, and without the tenant all of them would fail. Pause it first, so ` +
      `that they use the login that they had before: corbado-gateway tenants pause ${shellWord(tenantId)}${wordsOf(options)}`,
  )
}

/** The command line that removes a tenant without being asked. */
function commandOf({ tenantId }: TenantFile, options: RemoveOptions): string {
  const unchecked = options.unchecked ? ' --unchecked' : ''
  const words = `${shellWord(tenantId)}${wordsOf(options)}${unchecked} --confirm ${shellWord(tenantId)}`
  return `corbado-gateway tenants remove ${words}`
}

async function isConfirmed({ tenantId }: TenantFile, options: RemoveOptions, io: CommandIo): Promise<boolean> {
  const { confirm, json } = options
  if (confirm !== undefined && confirm !== tenantId) {
    throw new WrongUsage(
      `--confirm says ${JSON.stringify(confirm)}, but the tenant id is ${tenantId}: nothing was removed`,
    )
  }
  if (confirm !== undefined || json || !canAsk(io)) return confirm !== undefined
  return (await askLine('Type the tenant id to remove it: ', io)) === tenantId
}

function reportNotRemoved(tenant: TenantFile, place: PlanPlace, options: RemoveOptions, io: CommandIo): void {
  const { tenantId, userPoolId } = tenant
  // What was wanted was not done: whatever runs after this command must learn it.
  io.foundProblems()
  if (options.json) writeAnswer(io, 'tenant-removal', { tenantId, userPoolId, removed: false, place })
  else io.stdout.write(`\nNothing was removed. To remove it: ${commandOf(tenant, options)}\n`)
}

interface Removal {
  readonly record: TenantRecord
  readonly config: TenantFile
  readonly place: PlanPlace
}

async function remove(
  { record, config: { tenantId, userPoolId }, place }: Removal,
  { by, dir, json }: RemoveOptions,
  table: Table,
  io: CommandIo,
): Promise<void> {
  const { version } = record
  await keepRecord(record, table)
  if (!(await table.deleteConfig(userPoolId, version, operatorCall()))) {
    const now = await table.fetchConfigNow(userPoolId, operatorCall())
    // If it is gone, our deletion was sent twice or another operator's came first: it is what was wanted.
    if (now) throw new NotPossible(conflictText(tenantId, now))
  }
  const updatedAt = new Date(io.clock.now()).toISOString()
  const removal = { ...record, record: `v${version}-removed`, updatedAt, updatedBy: by || userName(), config: null }
  await table.keepVersion(removal, operatorCall())
  const file = await deleteTenantFile(join(dir, `${tenantId}.yaml`), userPoolId, readConfigRules(io.env))
  if (json) return writeAnswer(io, 'tenant-removal', { tenantId, userPoolId, removed: true, version, file, place })
  const lines = [
    `removed; what there was: corbado-gateway tenants history ${shellWord(userPoolId)}`,
    file.deleted ? `${file.file}: deleted` : `${file.file} ${file.reason}: no file was deleted`,
    `if an alias still lets the pool in: corbado-gateway aliases revoke ${shellWord(userPoolId)} --yes`,
  ]
  io.stdout.write(lines.map((line) => `${inLine(line)}\n`).join(''))
}
