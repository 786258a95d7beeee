import { writeAnswer } from '../../operator/answers/write.js'
import { isRepeated, ownerOf } from '../../operator/causes/fold.js'
import { allowed, type Line, numberOf, textOf } from '../../operator/lines/line.js'
import { createSelect, type Interval } from '../../operator/lines/select.js'
import type { LineSource } from '../../operator/lines/source.js'
import { timeText } from '../../operator/lines/when.js'
import { ofTenant, type Where, whereOf } from '../../operator/lines/where.js'
import { isFault, levelOf, type Outcome, rowOf } from '../../reasons.js'
import { NotPossible } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { counted, textAt, textTable } from '../../terminal/text.js'
import type { ExplainOptions } from './options.js'

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
  const { flow, ref, user } = options
  const asked = { ...(flow && { flow }), ...(ref && { ref }), ...(user && { user }) }
  const named = createSelect(asked, interval)
  const flows = new Set<string>()
  const users = new Set<string>()
  const times: number[] = []
  const note = (line: Line) => {
    if (!named(line) || !isOf(line, tenant)) return
    times.push(line.at)
    const flowId = textOf(line.fields, 'flowId')
    const user = textOf(line.fields, 'user')
    if (flowId !== undefined) flows.add(flowId)
    if (user !== undefined) users.add(user)
  }
  await source.each(note, undefined, { where: [...whereOf(asked), ...ofTenant(tenant)], interval, few: true })
  if (times.length === 0)
    throw new NotPossible(
      `no line of ${tenant} has that ${wordOf(options)}: ask for it without --since, or in other files`,
    )
  const first = Math.min(...times.slice(-10_000)) - LOGIN_MS
  const last = Math.max(...times.slice(-10_000)) + LOGIN_MS
  const lines: Line[] = []
  const keep = (line: Line) => {
    if (!isAsked(line) || !isOf(line, tenant) || line.at < first || line.at > last) return
    const user = textOf(line.fields, 'user')
    const flowId = textOf(line.fields, 'flowId')
    // The first define and the pre-login come before there is a flow: they are found by the user.
    if ((flowId !== undefined && flows.has(flowId)) || (flowId === undefined && user !== undefined && users.has(user)))
      lines.push(allowed(line))
  }
  const where: Where = [
    ...ofTenant(tenant),
    [
      ...[...flows].map((value) => ({ field: 'flowId', value }) as const),
      ...[...users].map((value) => ({ field: 'user', value }) as const),
    ],
  ]
  await source.each(keep, undefined, { where, interval: { from: first, to: last }, few: true })
  const logins = splitLogins(lines.sort((a, b) => a.at - b.at)).filter((login) => login.some(named))
  const shown = logins.slice(-LOGINS_MAX)
  if (options.json)
    writeAnswer(io, 'login', { tenantId: tenant, logins: shown.map(answerOf), left: logins.length - shown.length })
  else for (const login of shown) writeLogin(io, login)
  if (!options.json && logins.length > shown.length)
    io.stdout.write(`\n${counted(logins.length - shown.length, 'earlier login')} of this user left out\n`)
  if (shown.some((login) => endOf(login).failed)) io.foundProblems()
}

const isOf = (line: Line, tenant: string) => ownerOf(line) === tenant || textOf(line.fields, 'userPoolId') === tenant
const wordOf = ({ flow, ref }: ExplainOptions) => (flow !== undefined ? 'flow' : ref !== undefined ? 'ref' : 'user')

/** A login begins with a pre-login, or with the first define after one has ended; what has another flow is another one. */
function splitLogins(lines: readonly Line[]): Line[][] {
  const logins: Line[][] = []
  let flow: string | undefined
  let ended = true
  for (const line of lines) {
    if (isRepeated(line)) continue
    const flowId = textOf(line.fields, 'flowId')
    const begins = line.step === 'pre-login' || (flow !== undefined && flowId !== undefined && flowId !== flow)
    if (ended || begins || logins.length === 0) {
      logins.push([])
      flow = undefined
    }
    logins.at(-1)?.push(line)
    flow ??= flowId
    ended = line.outcome === 'tokens' || line.outcome === 'fail'
  }
  return logins
}

interface End {
  readonly failed: boolean
  readonly text: string
  readonly owner?: string
  readonly fix?: string | undefined
}

const LEFT: Readonly<Partial<Record<Outcome, string>>> = {
  found: 'The user was found, and no login began: the client went no further, or the pool does not call define.',
  challenge: 'The login began, and CreateAuthChallenge was not called.',
  created: 'The passkey was asked for, and no answer came: the user left, or the client failed.',
  correct: 'The proof was right, and no tokens followed: Cognito did not ask define again.',
}

/** Where a login ended: with tokens, with a reason, or on its way. */
function endOf(login: readonly Line[]): End {
  const last = login.at(-1)
  if (last === undefined) return { failed: false, text: '' }
  if (login.some(({ outcome }) => outcome === 'tokens')) return { failed: false, text: 'The user is signed in.' }
  // Running out of attempts follows from what failed before it.
  const failed = login.filter(({ reason, outcome }) => reason !== undefined && outcome !== 'correct')
  const cause = failed.find(({ reason }) => reason !== undefined && isFault(reason)) ?? failed[0]
  if (cause?.reason !== undefined) {
    const { means, owner, fix } = rowOf(cause.reason)
    const tenantId = textOf(cause.fields, 'tenantId')
    return {
      failed: true,
      text: `${cause.reason}: ${means}`,
      owner,
      fix: tenantId ? fix?.replace('<tenant>', tenantId) : fix,
    }
  }
  return { failed: true, text: LEFT[last.outcome] ?? `It ended with ${last.outcome}.` }
}

function stepsOf(login: readonly Line[]) {
  const [first] = login
  return login.map(({ at, step, outcome, reason, fields }) => ({
    at: new Date(at).toISOString(),
    afterMs: at - (first?.at ?? at),
    step,
    outcome,
    reason,
    level: reason === undefined ? 'info' : levelOf(reason, outcome),
    durationMs: numberOf(fields, 'durationMs'),
    upstream: fields.upstream,
    requestId: textOf(fields, 'requestId'),
  }))
}

/** The first lines of a login come before it has one. */
const flowOf = (login: readonly Line[]) =>
  login.map(({ fields }) => textOf(fields, 'flowId')).find((id) => id !== undefined)

function answerOf(login: readonly Line[]) {
  const { failed, text, owner, fix } = endOf(login)
  return {
    flowId: flowOf(login),
    steps: stepsOf(login),
    failed,
    cause: text,
    owner,
    fix,
  }
}

function writeLogin(io: CommandIo, login: readonly Line[]): void {
  const { stdout } = io
  const paint = createPaint(stdout, io.env)
  const [first] = login
  if (first === undefined) return
  stdout.write(
    `\n${paint('bold', timeText(first.at))}  ${textOf(first.fields, 'user') ?? ''}  ${flowOf(login) ?? ''}\n`,
  )
  const rows = stepsOf(login).map(({ afterMs, step, outcome, reason, durationMs, upstream }) => [
    `+${(afterMs / 1_000).toFixed(1)} s`,
    step,
    reason === undefined ? outcome : `${outcome} ${reason}`,
    durationMs === undefined ? '' : `${durationMs} ms`,
    Object.entries((upstream as Record<string, unknown> | undefined) ?? {})
      .map(([name, ms]) => `${name} ${ms} ms`)
      .join(', '),
  ])
  stdout.write(textTable(['after', 'step', 'outcome', 'took', 'of that'], rows, stdout))
  const { text, owner, fix, failed } = endOf(login)
  stdout.write(`${paint(failed ? 'red' : 'green', textAt(0, text, stdout))}\n`)
  if (owner !== undefined) stdout.write(`who acts: ${owner}\n`)
  if (fix !== undefined) stdout.write(`do: ${fix}\n`)
}
