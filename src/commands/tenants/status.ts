import type { Env } from '../../env.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { type Finding, isBlocking } from '../../operator/doctor/checks/finding.js'
import { fetchPlace, placeText } from '../../operator/place.js'
import { fetchStatusBefore, withTenant } from '../../operator/records/find.js'
import { requireValid } from '../../operator/records/record.js'
import { leadsFrom, nextStatus, placeOfRecord, type Status } from '../../operator/records/status-machine.js'
import { readOperatorSettings } from '../../operator/settings.js'
import type { TenantFile } from '../../tenant/config.js'
import { inLine } from '../../terminal/clean.js'
import { type CreateCommand, defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import { type CommandIo, createPaint, type Output, type Paint, writeNote } from '../../terminal/io.js'
import { adviceAt, shellWord } from '../../terminal/text.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'
import { TENANT_ARGUMENT } from '../options.js'
import { addChangeOptions, type ChangeOptions, changeTenant } from './change.js'

/** One command that changes what is served; from where it leads where, the status machine says. */
interface StatusVerb {
  readonly name: 'activate' | 'pause' | 'resume' | 'suspend'
  /** The status in which it has nothing to do. */
  readonly to: Status
  /** What to say of a tenant whose status it does not start from; `<tenant>` stands for it. */
  readonly instead: string
  readonly summary: string
  /** It stops logins, so it is shown first, and written after a yes. */
  readonly asks?: true
  /** The doctor must find nothing that blocks it. */
  readonly examines?: true
}

const follows = 'The gateway follows when it renews its copy of the config, at most TENANT_STALE_SECONDS later.'

const STATUS_VERBS: readonly StatusVerb[] = [
  {
    name: 'activate',
    to: 'active',
    instead: '',
    summary: `Runs the doctor and, unless a check fails, serves the tenant. ${follows}`,
    examines: true,
  },
  {
    name: 'pause',
    to: 'passkeys-off',
    instead: 'only an active tenant can be paused',
    summary: `Begins no new passkey login: clients use the customer's own login. Logins that have begun run to their end. ${follows}`,
  },
  {
    name: 'resume',
    to: 'active',
    instead: 'a draft goes live by corbado-gateway tenants activate <tenant>',
    summary: `Takes back a pause or a suspension: the tenant is again what it was before. ${follows}`,
  },
  {
    name: 'suspend',
    to: 'suspended',
    instead: '',
    summary: `Refuses every passkey login and action of the tenant, also logins that have begun. ${follows}`,
    asks: true,
  },
]

/** `tenants activate|pause|resume|suspend`. */
export const tenantsStatusCommands: readonly CreateCommand[] = STATUS_VERBS.map(statusCommand)

function statusCommand(status: StatusVerb): CreateCommand {
  return (io) => {
    const path = `corbado-gateway tenants ${status.name}`
    const example = `${path} acme-shop${status.asks ? ' --yes' : ''}`
    const command = defineCommand(io, { path, summary: status.summary, examples: [example] })
    if (status.asks) command.option('--yes', 'write it without being asked')
    return addChangeOptions(command.argument(...TENANT_ARGUMENT)).action((word: string, options: ChangeOptions) =>
      setStatus(status, word, options, io),
    )
  }
}

const DOCTOR_NEEDS = ['gatewayFunctionArn', 'doctorRoleArn'] as const

function setStatus(status: StatusVerb, word: string, options: ChangeOptions, io: CommandIo): Promise<void> {
  const { name, to, instead, asks = false, examines = false } = status
  // What is missing is told before anything is asked.
  if (examines) readOperatorSettings(io.env, DOCTOR_NEEDS)
  return withTenant(
    word,
    io,
    async ({ record, config: before }, upstreams, env) => {
      const { tenantId } = before
      const was = await fetchStatusBefore(record, upstreams)
      const at = placeOfRecord(record, was)
      if (before.status !== to && !leadsFrom(name, at)) {
        throw new NotPossible(`${tenantId} is ${before.status}: ${instead.replace('<tenant>', shellWord(tenantId))}`)
      }
      const place = await fetchPlace(upstreams, env, io)
      if (examines && !options.json) io.stdout.write(placeText(place))
      const findings = examines ? await examine(requireValid(before, record, env), upstreams, env, io) : []
      const green = !findings.some(isBlocking)
      if (examines && !green) {
        return reportRefused(before, findings, options.json === true, io)
      }
      if (examines && !options.json) writeFindings(findings, io)
      const command = `corbado-gateway tenants ${name} ${shellWord(tenantId)}`
      const next = nextStatus({ command: name, place: at, green, ...(was && { before: was }) }) ?? before.status
      await changeTenant(
        {
          ...{ record, before, after: { ...before, status: next }, command, asks, place, headed: examines },
          ...(examines && { also: { findings } }),
          always: ['status'],
          // Once there, it has nothing more to do; on the way to there it would go on.
          again: next === to ? command : undefined,
        },
        options,
        upstreams,
        io,
      )
      if (name === 'resume' && next === 'passkeys-off' && !options.json) {
        io.stdout.write(
          `It was paused before it was suspended, and still is; to begin passkey logins again: corbado-gateway tenants resume ${shellWord(tenantId)}\n`,
        )
      }
      if (next === 'draft' && !options.json) {
        io.stdout.write(
          `It was a draft before; to bring it live: corbado-gateway tenants activate ${shellWord(tenantId)}\n`,
        )
      }
    },
    options.dir,
  )
}

async function examine(tenant: TenantFile, upstreams: OperatorUpstreams, env: Env, io: CommandIo) {
  const settings = readOperatorSettings(io.env, DOCTOR_NEEDS)
  const { diagnose } = await import('../../operator/doctor/index.js')
  return diagnose(tenant, { upstreams, env, settings, clock: io.clock })
}

/** Says why a tenant was not activated; makes the exit code 1. */
function reportRefused(
  { tenantId, userPoolId }: TenantFile,
  findings: readonly Finding[],
  json: boolean,
  io: CommandIo,
): void {
  io.foundProblems()
  if (json) {
    writeAnswer(io, 'tenant-change', { tenantId, userPoolId, changes: [], written: false, findings })
    return
  }
  writeFindings(findings, io)
  writeNote(io, 'error', `${tenantId} was not activated: fix what failed or could not be checked, then try again`)
}

/** Prints what is not as it should be, and how many checks passed. */
function writeFindings(findings: readonly Finding[], io: CommandIo): void {
  const paint = createPaint(io.stdout, io.env)
  const lines = findings.flatMap((finding) =>
    finding.state === 'passed' ? [] : findingLines(finding, paint, io.stdout),
  )
  const passed = findings.filter(({ state }) => state === 'passed').length
  io.stdout.write(
    [...lines, `doctor: ${passed} of ${findings.length} checks passed`].map((line) => `${line}\n`).join(''),
  )
}

function findingLines({ check, state, what, fix }: Finding, paint: Paint, output: Output): string[] {
  const color = state === 'failed' ? 'red' : 'yellow'
  const said = adviceAt(state.length + 1, inLine(`${check}: ${what}`), output)
  return [`${paint(color, state)} ${said}`, ...(fix === undefined ? [] : [`  ${adviceAt(2, inLine(fix), output)}`])]
}
