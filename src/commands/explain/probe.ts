import type { Diagnosis } from '../../operator/causes/diagnose.js'
import type { What } from '../../operator/causes/find.js'
import type { Check, Finding } from '../../operator/doctor/checks/finding.js'
import { createPatient, type DoctorDeps } from '../../operator/doctor/checks/patient.js'
import { checkRole } from '../../operator/doctor/checks/role.js'
import { examineAll } from '../../operator/doctor/index.js'
import { clientWords, npxLine } from '../../operator/pool/line.js'
import { changesOf } from '../../operator/records/changes.js'
import { configOf, tenantIdOf } from '../../operator/records/record.js'
import type { Owner, Reason } from '../../reasons.js'
import { shellWord } from '../../terminal/text.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** A tenant as the table has it, with what it was before, the oldest first. */
export interface Recorded {
  readonly record: TenantRecord
  readonly versions: readonly TenantRecord[]
}

/** The checks of the doctor that split the causes of a reason; the first that finds something is the cause. */
const OF_REASONS: Readonly<Partial<Record<Reason, readonly Check[]>>> = {
  sts_denied: ['role-assumable'],
  role_permission_missing: ['may-get-user', 'may-list-users', 'may-set-mfa', 'may-sign-in'],
  chain_denied: ['role-assumable', 'chained-functions'],
  chain_missing: ['chained-functions'],
  foreign_client: ['foreign-clients'],
  claim_unproven: ['config', 'role-assumable', 'may-read-client', 'app-clients'],
  action_refused: ['triggers', 'invoke-permission', 'app-clients'],
  client_secret_refused: ['client-secret'],
  cognito_rejected: ['pool', 'may-get-user'],
  backend_unauthorized: ['secret', 'backend-credential'],
  secret_missing: ['secret', 'client-secret'],
  secret_malformed: ['secret', 'client-secret'],
  secret_denied: ['secret', 'client-secret'],
  secret_wrong_project: ['secret'],
  tenant_config_invalid: ['config'],
  tenant_wrong_alias: ['triggers', 'stray-triggers'],
  trigger_sender_refused: ['stray-triggers'],
}
/** A warning of these is a cause too: that logins go on with it says nothing of the one thing that a reason is about. */
const WARNED: Readonly<Partial<Record<Reason, Check>>> = {
  foreign_client: 'foreign-clients',
  claim_unproven: 'app-clients',
  client_secret_refused: 'client-secret',
}
/** The same of lines that are missing: what Cognito needs before it calls the gateway. */
const OF_SILENCE: readonly Check[] = ['config', 'alias', 'invoke-permission', 'triggers', 'app-clients']

function checksOf(what: What): readonly Check[] {
  if (what.kind === 'reason') return what.cell.reason === undefined ? [] : (OF_REASONS[what.cell.reason] ?? [])
  return ['slow', 'unfinished', 'stale'].includes(what.kind) ? [] : OF_SILENCE
}

/**
 * Runs the doctor's checks that tell a finding's look-alikes apart, and names the one cause.
 * @returns the diagnosis with what the checks found, or with a word on that they found nothing
 */
export async function probed(diagnosis: Diagnosis, recorded: Recorded, deps: DoctorDeps): Promise<Diagnosis> {
  const { what } = diagnosis.finding
  const checks = checksOf(what)
  const { record } = recorded
  const [examined] = await examineAll([record], deps, () => {})
  const findings = examined?.findings ?? []
  const warned = what.kind === 'reason' && what.cell.reason !== undefined ? WARNED[what.cell.reason] : undefined
  const isCause = ({ check, state }: Finding) => state === 'failed' || (state === 'warned' && check === warned)
  const [cause] = checks.flatMap((check) => findings.filter((one) => one.check === check && isCause(one)))
  if (cause?.check === 'role-assumable') return roleCause(diagnosis, cause, recorded, deps)
  if (cause !== undefined) return told(diagnosis, cause)
  const clients = findings.find(({ check, state }) => check === 'app-clients' && state === 'passed')
  if (what.kind === 'client' && clients !== undefined)
    return clientCause(diagnosis, what.clientId, record.userPoolId, clients)
  const unknown = findings.find(({ check, state }) => checks.includes(check) && state === 'not-checkable')
  const others = findings.filter(({ state }) => state === 'failed')
  const said = [
    ...(unknown ? [`${unknown.check} could not be checked: ${unknown.what}`] : []),
    ...(unknown || checks.length === 0 ? [] : [`nothing is wrong there now: ${checks.join(', ')}`]),
    ...others.map(({ check, what }) => `the check ${check} failed: ${what}`),
  ]
  return { ...diagnosis, probe: said.length > 0 ? said.join('; ') : 'the doctor finds nothing wrong now' }
}

/** What a failed check says, with its owner and command apart. */
function told(diagnosis: Diagnosis, { check, state, what, fix = '' }: Finding): Diagnosis {
  const [, owner, command] = /^(operator|customer): (.*)$/s.exec(fix) ?? []
  return {
    ...diagnosis,
    cause: what,
    owner: (owner as Owner | undefined) ?? diagnosis.owner,
    fix: command ?? diagnosis.fix,
    alike: [],
    confidence: 'high',
    probe: `the check ${check} ${state === 'warned' ? 'warns' : 'failed'}`,
  }
}

/** Earlier configs whose role or ExternalId is another, newest first: more than these nobody goes back. */
const EARLIER_MAX = 3

/** STS says the same of a wrong ExternalId, a role that is gone and a trust that was edited: an earlier config tells. */
async function roleCause(
  diagnosis: Diagnosis,
  finding: Finding,
  { record, versions }: Recorded,
  deps: DoctorDeps,
): Promise<Diagnosis> {
  const now = configOf(record)?.aws
  const earlier = versions
    .filter(({ version, record: name }) => version < record.version && !name.endsWith('-removed'))
    .reverse()
    .flatMap((one) => {
      const config = configOf(one)
      if (config === undefined || config.aws.roleArn === null) return []
      const isSame = config.aws.roleArn === now?.roleArn && config.aws.externalId === now.externalId
      // A tenant that is a draft would be tried again and again.
      return isSame ? [] : [{ one, patient: createPatient({ ...config, status: 'active' }, deps) }]
    })
  for (const { one, patient } of earlier.slice(0, EARLIER_MAX)) {
    const { findings } = await checkRole(patient)
    if (!findings.some(({ check, state }) => check === 'role-assumable' && state === 'passed')) continue
    const fields = changesOf(one.config, record.config).map(({ field }) => field)
    const named = fields.filter((field) => field === 'aws.roleArn' || field === 'aws.externalId')
    return {
      ...diagnosis,
      cause: `Our config names another role or ExternalId than the customer has: with version ${one.version} the role lets us in (since then: ${named.join(', ')}).`,
      owner: 'operator',
      fix: `corbado-gateway tenants rollback ${shellWord(tenantIdOf(record))} --to ${one.version}`,
      alike: [],
      confidence: 'high',
      probe: `the role can be assumed with version ${one.version}, and not with version ${record.version}`,
    }
  }
  return told(diagnosis, finding)
}

/** The check names each client that lost the flow; if this one has it, its application is what is silent. */
function clientCause(diagnosis: Diagnosis, clientId: string, userPoolId: string, { what, check }: Finding): Diagnosis {
  const [, lost = ''] = /^.*?\.( .* do not allow it)/s.exec(what) ?? []
  if (!lost.includes(`(${clientId})`))
    return {
      ...diagnosis,
      cause: `The app client ${clientId} allows custom authentication and begins no login: its application is down, or does not use it any more.`,
      owner: 'customer',
      fix: undefined,
      confidence: 'high',
      probe: `the check ${check} passed`,
    }
  return {
    ...diagnosis,
    cause: `The app client ${clientId} lost ALLOW_CUSTOM_AUTH.`,
    owner: 'customer',
    fix: npxLine(clientWords(userPoolId, clientId)),
    confidence: 'high',
    probe: `${clientId} does not allow custom authentication`,
  }
}
