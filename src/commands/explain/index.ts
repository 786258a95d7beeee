import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { type Diagnosis, diagnose } from '../../operator/causes/diagnose.js'
import { createEvidence } from '../../operator/causes/evidence.js'
import { type Finding, findCauses } from '../../operator/causes/find.js'
import { createFold, type Fold, foldLine, minuteOf } from '../../operator/causes/fold.js'
import { createSelect, intervalOf, timeFlags } from '../../operator/lines/select.js'
import { type LineSource, sourcesOf, withLines } from '../../operator/lines/source.js'
import { timeOf } from '../../operator/lines/when.js'
import { readOperatorSettings } from '../../operator/settings.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { closestNames } from '../../terminal/text.js'
import { explainLogin } from './login.js'
import type { ExplainOptions } from './options.js'
import { answerOf, writeCauses } from './report.js'
import { askTable } from './table.js'

/** Nobody reads a fourth cause at night. */
const CAUSES_MAX = 3
/** What is compared minute by minute: five weeks of them. */
const DAYS_MAX = 35
const DAY_MS = 86_400_000
/** How far from the named time an incident may begin or end. */
const NEAR_MINUTES = 30

/** `explain`: what broke, since when, for whom, who has to act, and how; or what one login came to. */
export function explainCommand(io: CommandIo): Command {
  const path = 'corbado-gateway explain'
  const command = defineCommand(io, {
    path,
    summary: 'Says what broke, since when, for whom, who has to act and how, from log lines in files or piped in.',
    examples: [
      `${path} acme-shop lines.json --at 02:10`,
      `${path} acme-shop lines.json --probe`,
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
    .option('--user <pseudonym>', 'the logins of one user, by the pseudonym on the lines')
    .option('--probe', 'have the doctor tell apart what looks alike in lines; needs its settings')
  for (const flag of timeFlags()) command.addOption(flag)
  return command
    .option(
      '--json',
      'print { kind: "explanation", tenantId, lines, others, from?, to?, left, causes } or { kind: "login", tenantId, logins, left }',
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
  const login = [flow, ref, user].some((one) => one !== undefined)
  if (login && (all || options.at !== undefined))
    throw new WrongUsage('--flow, --ref and --user are of one tenant, and go without --all and --at')
  if (options.probe) {
    if (login) throw new WrongUsage('--probe is of what broke, and goes without --flow, --ref and --user')
    // What is missing is told before a million lines are read.
    readOperatorSettings(io.env, ['gatewayFunctionArn'])
  }
  await withLines(sourcesOf(files, io), io.stdin, true, async (source) => {
    if (login && tenant !== undefined) await explainLogin(io, source, tenant, options)
    else await explainCauses(io, source, tenant, options)
  })
}

async function explainCauses(
  io: CommandIo,
  source: LineSource,
  tenant: string | undefined,
  options: ExplainOptions,
): Promise<void> {
  const now = io.clock.now()
  const interval = intervalOf(options, now)
  const isAsked = createSelect({}, interval)
  const fold = createFold()
  const names = new Map<string, string>()
  await source.each((line) => {
    if (!isAsked(line)) return
    foldLine(fold, line)
    const { userPoolId, tenantId } = line.fields
    if (typeof userPoolId === 'string' && typeof tenantId === 'string') names.set(userPoolId, tenantId)
  })
  const days = (fold.last - fold.first) / DAY_MS
  if (days > DAYS_MAX)
    throw new NotPossible(
      `the lines are of ${Math.round(days)} days, and what is usual changes meanwhile: name at most ${DAYS_MAX} with --since and --until`,
    )
  const only = tenant === undefined ? undefined : nameOf(tenant, fold, names)
  const at = options.at === undefined ? undefined : minuteOf(timeOf(options.at, now, options.utc ?? false))
  const near = ({ from, to }: Finding) => at === undefined || (at >= from - NEAR_MINUTES && at <= to + NEAR_MINUTES)
  const found = findCauses(fold, only).filter(near)
  const shown = found.slice(0, CAUSES_MAX)
  const diagnoses = await askTable(io, await diagnoseAll(source, fold, shown, isAsked), names, options)
  const scope = { tenant: only, fold, counts: source.counts, left: found.length - shown.length }
  if (options.json) writeAnswer(io, 'explanation', answerOf(scope, diagnoses))
  else writeCauses(io, scope, diagnoses)
  if (diagnoses.length > 0) io.foundProblems()
}

/** Looks a second time at the lines of what was found: which users, clients and releases they are of. */
async function diagnoseAll(
  source: LineSource,
  fold: Fold,
  findings: readonly Finding[],
  isAsked: ReturnType<typeof createSelect>,
): Promise<Diagnosis[]> {
  if (findings.length === 0) return []
  const evidence = findings.map((finding) => ({ finding, of: createEvidence(finding) }))
  const everywhere = findings.some((finding) => finding.everywhere)
  const names = [...new Set(findings.flatMap(({ tenants }) => tenants))]
  await source.each(
    (line, text) => {
      if (!isAsked(line)) return
      for (const { of } of evidence) of.look(line, text)
    },
    everywhere ? undefined : (text) => names.some((name) => text.includes(name)),
  )
  return evidence.map(({ finding, of }) => diagnose(fold, finding, of.end()))
}

/** @throws NotPossible if no line is of this tenant, with those whose names are like it */
function nameOf(tenant: string, fold: Fold, pools: ReadonlyMap<string, string>): string {
  const name = pools.get(tenant) ?? tenant
  if (fold.tenants.has(name)) return name
  if (fold.lines === 0)
    throw new NotPossible("none of the lines is the gateway's, or none is of the time that was asked for")
  const closest = closestNames(
    [...fold.tenants.keys()].filter((one) => one !== ''),
    tenant,
  )
  const hint = closest.length > 0 ? `did you mean ${closest.join(' or ')}?` : 'its pool may not call the gateway'
  throw new NotPossible(
    `no line of ${JSON.stringify(tenant)} among ${fold.lines} of ${fold.tenants.size} tenants: ${hint} See: corbado-gateway doctor ${tenant}`,
  )
}
