import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { diagnose } from '../../operator/causes/diagnose.js'
import { assertComparable, untilOf } from '../../operator/causes/examine.js'
import { findAll } from '../../operator/causes/faults.js'
import { type Fold, minuteOf } from '../../operator/causes/fold.js'
import { closed, type Interval, intervalOf, timeFlags } from '../../operator/lines/select.js'
import { askedText, timeOf } from '../../operator/lines/when.js'
import { logGroupFlag, tellNotes, withLogSource } from '../../operator/log-source.js'
import { resolveUser } from '../../operator/pseudonym.js'
import { type Reader, readerOf } from '../../operator/reader.js'
import { readOperatorSettings } from '../../operator/settings.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { closestNames, counted } from '../../terminal/text.js'
import { explainLogin } from './login.js'
import type { ExplainOptions } from './options.js'
import { answerOf, writeCauses } from './report.js'
import { askDoctor, askTable } from './table.js'

/** Nobody reads a fourth cause at night. */
const CAUSES_MAX = 3
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** How much CloudWatch is asked for, if it is not said: enough to tell what is usual before what is not. */
const BACK_MS = 8 * 3_600_000
/** And how much of it is after the time that was named. */
const AFTER_MS = 2 * 3_600_000
/** Of what has no lines, nothing more is known. */
const NOTHING = { users: 0, odd: [], lateMs: [], samples: [] }
/** How far from the named time an incident may begin or end. */
const NEAR_MINUTES = 30

/** A tenant's id or its pool's; a file's name has a dot or a slash, and `-` is standard input. */
const TENANT = /^\w[\w-]*$/

/** `explain`: what broke, since when, for whom, who has to act, and how; or what one login came to. */
export function explainCommand(io: CommandIo): Command {
  const path = 'corbado-gateway explain'
  const command = defineCommand(io, {
    path,
    summary:
      'Says what broke, since when, for whom, who has to act and how, from log lines of CloudWatch, in files or piped ' +
      'in. Without files, on a terminal, they are those of CloudWatch.',
    examples: [
      `${path} acme-shop --at 02:10`,
      `${path} acme-shop --since 30m --probe`,
      `${path} acme-shop --user ada@example.com`,
      `${path} --all lines.json.gz`,
      `${path} acme-shop lines.json --ref 0c7f8a0e-2f0b-4d53-9d2e-3c1d5a9f7b11`,
    ],
  })
    .argument('[tenant]', "the tenant's id, or its user pool; with --all, the first file")
    .argument('[file...]', 'files of lines, plain or gzip; - is standard input')
    .option('--all', 'of all tenants')
    .option('--at <time>', 'what went on around this time: 02:10, 15m (ago), or ISO 8601')
    .option('--flow <flowId>', 'one login, by the id on its lines')
    .option('--ref <requestId>', 'one login, by the ref that an error message shows')
    .option('--user <user>', 'the logins of one user: the pseudonym on the lines, an e-mail or user name')
    .option('--probe', 'have the doctor tell apart what looks alike in lines; needs its settings')
  for (const flag of timeFlags()) command.addOption(flag)
  return command
    .addOption(logGroupFlag())
    .option(
      '--json',
      'print { kind: "explanation", tenantId, lines, others, from?, to?, left, failed, doctor?, causes } or { kind: "login", tenantId, logins, left, later? }',
    )
    .action((tenant: string | undefined, files: string[], options: ExplainOptions) =>
      explain(io, tenant, files, options),
    )
}

async function explain(
  io: CommandIo,
  given: string | undefined,
  rest: readonly string[],
  options: ExplainOptions,
): Promise<void> {
  const { all = false, flow, ref, user } = options
  // `--all` names no tenant, so that the first word is a file already.
  const [tenant, files] = all ? [undefined, given === undefined ? rest : [given, ...rest]] : [given, rest]
  if (tenant === undefined && !all) throw new WrongUsage('name a tenant, or --all')
  // What was typed is not repeated: it says who somebody is.
  if (tenant?.includes('@') && !/[/\\]/.test(tenant))
    throw new WrongUsage('what stands for the tenant looks like a user: corbado-gateway explain <tenant> --user <user>')
  if (tenant !== undefined && !TENANT.test(tenant))
    throw new WrongUsage(`${JSON.stringify(tenant)} is no tenant: name a tenant before the files, or --all`)
  const login = [flow, ref, user].some((one) => one !== undefined)
  if (login && (all || options.at !== undefined))
    throw new WrongUsage('--flow, --ref and --user are of one tenant, and go without --all and --at')
  if (options.probe) {
    if (login) throw new WrongUsage('--probe is of what broke, and goes without --flow, --ref and --user')
    // What is missing is told before a million lines are read.
    readOperatorSettings(io.env, ['gatewayFunctionArn'])
  }
  const { logGroup } = options
  const named = intervalOf(options, io.clock.now())
  await withLogSource(io, { files, again: true, ...(logGroup && { logGroup }) }, async (opened) => {
    const { source } = opened
    const interval = opened.kind === 'files' ? named : intervalAround(io, options, named, login)
    const pseudonym = await resolveUser(io, opened, tenant, user)
    if (login && tenant !== undefined)
      await explainLogin(io, source, tenant, { ...options, ...(pseudonym && { user: pseudonym }) }, interval)
    else await explainCauses(io, readerOf(opened, interval), tenant, options)
    tellNotes(io, source)
  })
}

/** Of CloudWatch: up to now, or so long after what is asked about that its end is seen. It counts in whole minutes. */
function intervalAround({ clock }: CommandIo, options: ExplainOptions, named: Interval, login: boolean): Interval {
  const now = clock.now()
  const at = options.at === undefined ? now : timeOf(options.at, now, options.utc ?? false)
  if (login) return closed(named, DAY_MS, now)
  const { from, to } = closed(named, BACK_MS, Math.min(now, at + AFTER_MS))
  return { from: Math.floor(from / MINUTE_MS) * MINUTE_MS, to: Math.ceil(to / MINUTE_MS) * MINUTE_MS }
}

async function explainCauses(
  io: CommandIo,
  reader: Reader,
  tenant: string | undefined,
  options: ExplainOptions,
): Promise<void> {
  const now = io.clock.now()
  const time = options.at === undefined ? undefined : timeOf(options.at, now, options.utc ?? false)
  const asked = askedText(reader.interval, time)
  const { fold, names } = await reader.fold(tenant)
  assertComparable(fold)
  const only = tenant === undefined ? undefined : nameOf(tenant, fold, names, asked)
  const at = time === undefined ? undefined : minuteOf(time)
  const isNear = ({ from, to }: { readonly from: number; readonly to: number }) =>
    at === undefined || (at >= from - NEAR_MINUTES && at <= to + NEAR_MINUTES)
  const isRead = fold.lines === 0 || isNear({ from: minuteOf(fold.first), to: minuteOf(fold.last) })
  const all = findAll(fold, { only, until: untilOf(reader.interval, now) })
  const found = all.filter(isNear)
  const shown = found.slice(0, CAUSES_MAX)
  const evidence = shown.length > 0 ? await reader.evidence(shown) : []
  const told = shown.map((finding, index) => diagnose(fold, finding, evidence[index] ?? NOTHING))
  const diagnoses = await askTable(io, told, names, options)
  // Where lines show no cause, the doctor says what it finds all the same.
  const ask = options.probe === true && told.length === 0 && only !== undefined
  const doctor = ask ? await askDoctor(io, only, names) : undefined
  const left = found.length - shown.length
  const elsewhere = all.length - found.length
  const scope = { tenant: only, fold, counts: reader.counts, left, elsewhere, doctor, asked, isRead }
  if (options.json) writeAnswer(io, 'explanation', answerOf(scope, diagnoses))
  else writeCauses(io, scope, diagnoses)
  if (diagnoses.length > 0 || (doctor ?? []).length > 0) io.foundProblems()
}

/** @throws NotPossible if no line is of this tenant, with those whose names are like it */
function nameOf(tenant: string, fold: Fold, pools: ReadonlyMap<string, string>, asked: string): string {
  const name = pools.get(tenant) ?? tenant
  if (fold.tenants.has(name)) return name
  if (fold.lines === 0)
    throw new NotPossible(
      `none of the lines is the gateway's, or none is of the time that was asked for${asked === '' ? '' : `: ${asked}`}`,
    )
  const closest = closestNames(
    [...fold.tenants.keys()].filter((one) => one !== ''),
    tenant,
  )
  const hint =
    closest.length > 0
      ? `did you mean ${closest.join(' or ')}?`
      : `its pool may not call the gateway. See: corbado-gateway doctor ${tenant}`
  throw new NotPossible(
    `no line of ${JSON.stringify(tenant)} among ${fold.lines} of ${counted(fold.tenants.size, 'tenant')}: ${hint}`,
  )
}
