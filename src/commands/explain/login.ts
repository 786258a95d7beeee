import { writeAnswer } from '../../operator/answers/write.js'
import { ownerOf } from '../../operator/causes/fold.js'
import { allowed, type Line, numberOf, textOf } from '../../operator/lines/line.js'
import { createSelect, type Interval } from '../../operator/lines/select.js'
import type { LineSource } from '../../operator/lines/source.js'
import { timeText } from '../../operator/lines/when.js'
import { ofTenant, type Where, whereOf } from '../../operator/lines/where.js'
import { levelOf, type Outcome } from '../../reasons.js'
import { NotPossible } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { counted, GLUE, textAt, textTable } from '../../terminal/text.js'
import { endOf, failureOf, type Login } from './end.js'
import type { ExplainOptions } from './options.js'
import { createRefused, type Refused } from './refused.js'
import { flowOf, type LoginStep, splitLogins, stepsOf } from './steps.js'
import { createInvocations, type Unfinished } from './unfinished.js'

/** A login is over by then: Cognito's session of it ends after 15 minutes at most. */
const LOGIN_MS = 15 * 60_000
/** Of the logins of one user, the latest are told. */
const LOGINS_MAX = 5

/** Tells what one login came to, or the latest of one user: every step, where it was left, who has to act. */
export async function explainLogin(
  io: CommandIo,
  source: LineSource,
  tenant: string,
  options: ExplainOptions,
  interval: Interval,
): Promise<void> {
  const isAsked = createSelect({}, interval)
  const found = await findLogin(source, tenant, options, interval)
  const { flows, users, pools, refs } = found
  const [from, to] = [found.first - LOGIN_MS, found.last + LOGIN_MS]
  const invocations = createInvocations(from, to)
  const lines: Line[] = []
  const forwarders: Line[] = []
  const refused = createRefused(found.last)
  await source.each(
    (line) => {
      const { requestId, user, flowId } = idsOf(line)
      invocations.close(requestId, line.at)
      if (!isAsked(line)) return
      if (isOf(line, tenant) || pools.has(textOf(line.fields, 'userPoolId') ?? '')) refused.take(line)
      if (line.at < from || line.at > to) return
      if (line.step === 'forwarder') {
        const isOurs = pools.has(textOf(line.fields, 'userPoolId') ?? '')
        if (isOurs && line.outcome !== 'forwarded' && forwarders.length < FORWARDERS_MAX) forwarders.push(allowed(line))
        return
      }
      if (!isOf(line, tenant) && !isNameless(line, refs)) return
      // The first define and the pre-login come before there is a flow: they are found by the user.
      const isTheirs = flowId === undefined ? user !== undefined && users.has(user) : flows.has(flowId)
      if (isTheirs || (requestId !== undefined && refs.has(requestId))) lines.push(allowed(line))
    },
    undefined,
    {
      where: whereIs({ flowId: flows, user: users, requestId: refs }),
      ...{ interval: { from, to }, few: true, nameless: { pools } },
      ...(options.user !== undefined && { refused: { pools, interval: { from: found.last, to: interval.to } } }),
    },
    invocations.see,
  )
  const unfinished = invocations.end()
  const named = createSelect({ flow: options.flow, user: options.user } as ExplainOptions, interval)
  const isNamed = ({ line, forwarder }: LoginStep) =>
    options.ref === undefined
      ? named(line)
      : [line, forwarder].some((one) => one && refs.has(idsOf(one).requestId ?? ''))
  const steps = stepsOf(
    lines.sort((a, b) => a.at - b.at),
    forwarders,
  )
  const all = splitLogins(steps)
  const logins = all
    .filter((login) => login.some(isNamed))
    .map((login) => withUnfinished(login, all, unfinished, forwarders))
  if (logins.length === 0) logins.push(alone(found, unfinished, forwarders))
  // Whoever began in the same millisecond as the earliest of them is shown too: the interval of those left out ends there.
  const earliest = Math.min(...logins.slice(-LOGINS_MAX).map(beginOf))
  const shown = logins.filter((login) => beginOf(login) >= earliest)
  const left = logins.length - shown.length
  const later = options.user === undefined ? undefined : refused.end()
  if (options.json)
    writeAnswer(io, 'login', {
      tenantId: tenant,
      logins: shown.map(answerOf),
      left,
      ...(later && { later: laterOf(tenant, later) }),
    })
  else {
    writeLogins(io, shown, left)
    if (later !== undefined) writeLater(io, tenant, later)
  }
  if (later !== undefined || shown.some((login) => endOf(login).failed)) io.foundProblems()
}

/** Lines that have one of these ids. */
function whereIs(ids: Partial<Record<'flowId' | 'user' | 'requestId', ReadonlySet<string>>>): Where {
  const fields = ['flowId', 'user', 'requestId'] as const
  return [fields.flatMap((field) => [...(ids[field] ?? [])].map((value) => ({ field, value })))]
}

/** Failures of one pool's forwarder around a login: an outage has more, and says the same with each. */
const FORWARDERS_MAX = 1_000

const idsOf = ({ fields }: Line) => ({
  requestId: textOf(fields, 'requestId'),
  user: textOf(fields, 'user'),
  flowId: textOf(fields, 'flowId'),
})

/** What is known of the login that was asked for, before its lines are read. */
interface Wanted {
  readonly flows: ReadonlySet<string>
  readonly users: ReadonlySet<string>
  /** The tenant's pools: all that a line of the forwarder names. */
  readonly pools: ReadonlySet<string>
  /** The ids of the invocation that `--ref` names: the forwarder's, and the container's of the same call. */
  readonly refs: ReadonlySet<string>
  readonly first: number
  readonly last: number
}

const NO_USER =
  '. Lines written before the gateway has its pseudonym key carry no user: name the login by --ref, or ask without --user what failed'

/** @throws NotPossible if no line is of it */
async function findLogin(
  source: LineSource,
  tenant: string,
  options: ExplainOptions,
  interval: Interval,
): Promise<Wanted> {
  const { flow, ref, user } = options
  const asked = { ...(flow && { flow }), ...(ref && { ref }), ...(user && { user }) }
  const named = createSelect(asked, interval)
  const flows = new Set<string>()
  const users = new Set<string>()
  const pools = new Set<string>()
  const refs = new Set(ref === undefined ? [] : [ref])
  let times: number[] = []
  let lastAt: number | undefined

  function note(line: Line): void {
    times.push(line.at)
    if (times.length > 20_000) times = times.slice(-10_000)
    const { user, flowId } = idsOf(line)
    if (flowId !== undefined) flows.add(flowId)
    if (user !== undefined) users.add(user)
  }

  await source.each(
    (line) => {
      lastAt = line.at
      if (isOf(line, tenant)) pools.add(textOf(line.fields, 'userPoolId') ?? '')
      if (!named(line)) return
      if (line.step !== 'forwarder') {
        if (isOf(line, tenant) || isNameless(line, refs)) note(line)
        return
      }
      // A forwarder knows no tenant; the container's line of the same call does.
      if (ref === undefined) return
      times.push(line.at)
      pools.add(textOf(line.fields, 'userPoolId') ?? '')
      const container = textOf(line.fields, 'upstreamRequestId')
      if (container !== undefined) refs.add(container)
    },
    undefined,
    // A forwarder's line names no tenant.
    {
      where: ref === undefined ? [...whereOf(asked), ...ofTenant(tenant)] : whereOf(asked),
      ...{ interval, few: true, ...(ref !== undefined && { nameless: { ref } }) },
    },
    ({ requestId, at = lastAt }) => {
      if (requestId === ref && at !== undefined) times.push(at)
    },
  )
  if (refs.size > 1)
    await source.each(
      (line) => {
        if (isOf(line, tenant) && refs.has(idsOf(line).requestId ?? '')) note(line)
      },
      undefined,
      { where: whereIs({ requestId: refs }), interval, few: true },
    )
  if (times.length === 0)
    throw new NotPossible(
      `no line of ${tenant} has that ${wordOf(options)}: ask for it without --since, or in other files${user === undefined ? '' : NO_USER}`,
    )
  const latest = times.slice(-10_000)
  return { flows, users, pools, refs, first: Math.min(...latest), last: Math.max(...latest) }
}

const isOf = (line: Line, tenant: string) => ownerOf(line) === tenant || textOf(line.fields, 'userPoolId') === tenant
/** Is it the line that was named by its id, and could its tenant's config not be read? */
const isNameless = (line: Line, refs: ReadonlySet<string>) =>
  refs.has(idsOf(line).requestId ?? '') && textOf(line.fields, 'tenantId') === undefined
const wordOf = ({ flow, ref }: ExplainOptions) => (flow !== undefined ? 'flow' : ref !== undefined ? 'ref' : 'user')

/** Cognito asks three times, and then the login is over. */
const TRIES_MAX = 3
/** Cognito calls the next trigger at once; a user may take as long as a login. */
const NEXT_MS: Readonly<Partial<Record<Outcome, number>>> = {
  found: LOGIN_MS,
  created: LOGIN_MS,
  challenge: 30_000,
  correct: 30_000,
}

/** Adds what began after the last step of a login that was left on its way, before the user's next one. */
function withUnfinished(
  steps: readonly LoginStep[],
  all: readonly (readonly LoginStep[])[],
  unfinished: readonly Unfinished[],
  forwarders: readonly Line[],
): Login {
  const last = steps.at(-1)?.line
  const next = all.find((login) => (login[0]?.line.at ?? 0) > (last?.at ?? 0))?.[0]?.line.at ?? Number.POSITIVE_INFINITY
  const ms = last === undefined ? undefined : NEXT_MS[last.outcome]
  if (last === undefined || ms === undefined) return { at: last?.at ?? 0, steps, unfinished: [], forwarders: [] }
  const isNext = ({ at }: { at: number }) => at >= last.at && at < Math.min(next, last.at + ms)
  const known = new Set(steps.map(({ forwarder }) => forwarder))
  return {
    at: last.at,
    steps,
    unfinished: unfinished.filter(isNext).slice(0, TRIES_MAX),
    forwarders: forwarders.filter((line) => isNext(line) && !known.has(line)).slice(0, TRIES_MAX),
  }
}

/** What `--ref` names, if no line of the gateway is of it. */
function alone({ refs, first }: Wanted, unfinished: readonly Unfinished[], forwarders: readonly Line[]): Login {
  return {
    at: first,
    steps: [],
    unfinished: unfinished.filter(({ requestId }) => refs.has(requestId)),
    forwarders: forwarders.filter((line) => refs.has(idsOf(line).requestId ?? '')),
    isCertain: true,
  }
}

/** When a login began. */
function beginOf({ at, steps, unfinished, forwarders }: Login): number {
  const all = [...steps.map(({ line }) => line), ...unfinished, ...forwarders]
  return all.length === 0 ? at : Math.min(...all.map((one) => one.at))
}

/** The rows of its timeline, by time. */
function rowsOf(login: Login) {
  const first = beginOf(login)
  const timed = (at: number) => ({ at: new Date(at).toISOString(), afterMs: at - first })
  const ofLine = ({ line, tries, forwarder }: LoginStep) => ({
    ...timed(line.at),
    step: line.step as string,
    outcome: line.outcome as string,
    reason: line.reason as string | undefined,
    level: line.reason === undefined ? 'info' : levelOf(line.reason, line.outcome),
    durationMs: numberOf(line.fields, 'durationMs'),
    upstream: line.fields.upstream,
    requestId: idsOf(line).requestId,
    tries,
    forwarderMs: forwarder && numberOf(forwarder.fields, 'durationMs'),
  })
  const broken = login.unfinished.map(({ at, how, durationMs, requestId }) => ({
    ...timed(at),
    ...{ step: 'invocation', outcome: 'unfinished', reason: how, level: 'error', durationMs, upstream: undefined },
    ...{ requestId, tries: 1, forwarderMs: undefined },
  }))
  const forwarded = login.forwarders.map((line) => ofLine({ line, tries: 1 }))
  return [...login.steps.map(ofLine), ...broken, ...forwarded].sort((a, b) => a.afterMs - b.afterMs)
}

function answerOf(login: Login) {
  const { failed, text, owner, fix } = endOf(login)
  return { flowId: flowOf(login.steps), steps: rowsOf(login), failed, cause: text, owner, fix }
}

/** Words that stay together: where a column is too narrow for them, it has a line of its own. */
const glued = (text: string) => text.replaceAll(' ', GLUE)

function writeLogins(io: CommandIo, logins: readonly Login[], left: number): void {
  for (const [index, login] of logins.entries()) {
    if (index > 0) io.stdout.write('\n')
    writeLogin(io, login)
  }
  if (left === 0) return
  // To the millisecond: an interval ends before its end, and a user may begin several logins within a second.
  const until = new Date(Math.min(...logins.map(beginOf))).toISOString()
  const text = `${counted(left, 'earlier login')} of this user left out: with --until ${until} the latest of them are shown`
  io.stdout.write(`\n${textAt(0, text, io.stdout)}\n`)
}

function laterOf(tenant: string, { lines, latest }: Refused) {
  const { text, owner, fix } = failureOf(latest)
  const { requestId } = idsOf(latest)
  const which = lines === 1 && requestId !== undefined ? `--ref ${requestId}` : `--at ${timeText(latest.at)}`
  return { lines, at: timeText(latest.at), cause: text, owner, fix, see: `corbado-gateway explain ${tenant} ${which}` }
}

/** What came after all of these, and names nobody. */
function writeLater(io: CommandIo, tenant: string, later: Refused): void {
  const { stdout } = io
  const { lines, at, cause, owner, fix, see } = laterOf(tenant, later)
  const what = later.early
    ? `${counted(lines, 'login')} of ${tenant} failed before anybody knew whose`
    : `${counted(lines, 'line')} of ${tenant} failed without a user on ${lines === 1 ? 'it' : 'them'}`
  // Without the key of the pseudonyms no line has a user: that is so at a cold start, and while SSM does not answer.
  const why = later.early ? '' : ' Lines written before the gateway has its pseudonym key carry none.'
  const whose = lines === 1 ? 'it may be this user' : 'one may be this user'
  const text = `After that ${what}, the last at ${at}: ${whose}'s.${why} ${cause}`
  stdout.write(`\n${createPaint(stdout, io.env)('red', textAt(0, text, stdout))}\n`)
  if (owner !== undefined) stdout.write(`who acts: ${owner}\n`)
  if (fix !== undefined) stdout.write(`do: ${fix}\n`)
  stdout.write(`see: ${see}\n`)
}

function writeLogin(io: CommandIo, login: Login): void {
  const { stdout } = io
  const paint = createPaint(stdout, io.env)
  const user = login.steps.map(({ line }) => idsOf(line).user).find((id) => id !== undefined)
  stdout.write(`${paint('bold', timeText(beginOf(login)))}  ${user ?? ''}  ${flowOf(login.steps) ?? ''}\n`)
  const rows = rowsOf(login).map(({ afterMs, step, outcome, reason, durationMs, upstream, tries, forwarderMs }) => [
    `+${(afterMs / 1_000).toFixed(1)} s`,
    step,
    `${reason === undefined ? outcome : `${outcome} ${reason}`}${tries > 1 ? ` (asked ${tries} times)` : ''}`,
    durationMs === undefined ? '' : `${durationMs} ms`,
    [
      ...Object.entries((upstream as Record<string, unknown> | undefined) ?? {}).map(([name, ms]) =>
        glued(`${name} ${ms} ms`),
      ),
      ...(forwarderMs === undefined ? [] : [glued(`with the forwarder ${forwarderMs} ms`)]),
    ].join(', '),
  ])
  stdout.write(textTable(['after', 'step', 'outcome', 'took', 'of that'], rows, stdout).replaceAll(GLUE, ' '))
  const { text, owner, fix, failed } = endOf(login)
  stdout.write(`${paint(failed ? 'red' : 'green', textAt(0, text, stdout))}\n`)
  if (owner !== undefined) stdout.write(`who acts: ${owner}\n`)
  if (fix !== undefined) stdout.write(`do: ${fix}\n`)
}
