import { changeText } from '../../operator/records/changes.js'
import { tenantIdOf } from '../../operator/records/record.js'
import type { TenantFile } from '../../tenant/config.js'
import type { Paint } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import type { KeptStatus, Plan, PlannedWrite } from './plan.js'

/**
 * The plan for a person: what is added, what is changed field by field, whose status stays, what has no file any more, what
 * stays.
 */
export function planText({ writes, untouched, keptStatus, withoutFile }: Plan, paint: Paint): string {
  const kept = new Map(keptStatus.map((one) => [one.tenant, `  ${paint('yellow', '!')} ${keptText(one)}\n`]))
  const written = new Set(writes.map(({ tenant }) => tenant))
  const lines = [
    ...writes.map((write) => `${writeText(write, paint)}${kept.get(write.tenant) ?? ''}`),
    ...[...kept].filter(([tenant]) => !written.has(tenant)).map(([tenant, text]) => `= ${nameOf(tenant)}\n${text}`),
    ...withoutFile.map((record) => {
      const name = `${tenantIdOf(record)} (${record.userPoolId})`
      const remove = `corbado-gateway tenants remove ${shellWord(tenantIdOf(record))}`
      return `${paint('red', '-')} ${name} has no file here; apply keeps it, and this would take it out: ${remove}\n`
    }),
    `${untouched} untouched\n`,
  ]
  return lines.join('')
}

function writeText({ tenant, old, changes }: PlannedWrite, paint: Paint): string {
  const name = `${nameOf(tenant)}\n`
  if (!old) return `${paint('green', '+')} ${name}`
  return `${paint('yellow', '~')} ${name}${changes.map((change) => `  ${changeText(change, paint)}\n`).join('')}`
}

const nameOf = ({ tenantId, userPoolId }: TenantFile) => `${tenantId} (${userPoolId})`

type Status = TenantFile['status']

/** The commands that bring a tenant to the status which its file says, from those that they go from. */
const ways: readonly { readonly to: Status; readonly from: readonly Status[]; readonly command: string }[] = [
  { to: 'active', from: ['draft'], command: 'activate' },
  { to: 'active', from: ['passkeys-off', 'suspended'], command: 'resume' },
  { to: 'passkeys-off', from: ['active'], command: 'pause' },
  { to: 'suspended', from: ['draft', 'active', 'passkeys-off'], command: 'suspend' },
]

function keptText({ tenant: { tenantId, status }, fileStatus, isNew }: KeptStatus): string {
  const way = ways.find(({ to, from }) => to === fileStatus && from.includes(status))
  const command = way ? `corbado-gateway tenants ${way.command} ${shellWord(tenantId)}, or ` : ''
  return `status ${isNew ? 'begins as' : 'stays'} ${status}; the file says ${fileStatus}: ${command}apply with --status`
}
