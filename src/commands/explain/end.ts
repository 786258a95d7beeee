import { type Line, textOf } from '../../operator/lines/line.js'
import { isFault, levelOf, type Outcome, rowOf } from '../../reasons.js'
import type { LoginStep } from './steps.js'
import { howEnded, type Unfinished } from './unfinished.js'

/** A login with what may belong to it and names nobody: invocations without a line, and failures of the forwarder. */
export interface Login {
  /** When it began, if none of these says it. */
  readonly at: number
  readonly steps: readonly LoginStep[]
  readonly unfinished: readonly Unfinished[]
  readonly forwarders: readonly Line[]
  /** The invocation was named by its id, so that it is this one and no other's. */
  readonly isCertain?: true
}

/** Where a login ended, who has to act, and how. */
interface End {
  readonly failed: boolean
  readonly text: string
  readonly owner?: string
  readonly fix?: string | undefined
}

const DOCTOR = 'corbado-gateway doctor <tenant>'
const LEFT: Readonly<Partial<Record<Outcome, Omit<End, 'failed'>>>> = {
  found: {
    text: 'The user was found, and no login began: the client went no further, or the pool does not call define.',
    owner: 'customer',
    fix: DOCTOR,
  },
  challenge: {
    text: 'The login began, and CreateAuthChallenge was not called.',
    owner: 'customer',
    fix: DOCTOR,
  },
  created: {
    text: 'The passkey was asked for, and no answer came: the user left, the client failed, or the pool does not call verify.',
    fix: DOCTOR,
  },
  correct: {
    text: 'The proof was right, and no tokens followed: Cognito did not ask define again.',
    owner: 'customer',
    fix: DOCTOR,
  },
}

/** What a step came to that is of no login of ours, and in which nothing failed. */
const DONE: Readonly<Partial<Record<Outcome, string>>> = {
  chained: "The customer's own function answered: what it decided is not in these lines.",
  claimed: 'Tokens were issued, and they say how the user signed in.',
  issued: 'A connect token was given.',
  factor_set: 'The MFA factor is set.',
  unchanged: 'The event went back as it came: the gateway had nothing to decide.',
}

/** The event went on, whatever the reason says. */
const isPassedOn = ({ outcome }: Line) => outcome === 'unchanged' || outcome === 'chained'

/** The end of a login that got tokens, unless a later trigger, or post-login, lost them; undefined if it got none. */
function successOf(lines: readonly Line[]): End | undefined {
  const at = lines.findIndex(({ outcome }) => outcome === 'tokens' || outcome === 'signed_in')
  if (at === -1) return undefined
  const later = lines.slice(at + 1).filter(({ reason }) => reason !== undefined)
  const lost = later.find((line) => !isPassedOn(line))
  if (lost !== undefined) return failureOf(lost)
  const text = 'The user is signed in.'
  const [less] = later
  return less === undefined ? { failed: false, text } : { ...failureOf(less, `${text} `), failed: false }
}

/** Where a login ended: with tokens, with a reason, or on its way. */
export function endOf({ steps, unfinished, forwarders, isCertain }: Login): End {
  const lines = steps.map(({ line }) => line)
  const success = successOf(lines)
  if (success !== undefined) return success
  // Running out of attempts follows from what failed before it.
  const reasoned = lines.filter(({ reason, outcome }) => reason !== undefined && outcome !== 'correct')
  const failed = reasoned.filter((line) => !isPassedOn(line))
  const cause = failed.find(({ reason }) => reason !== undefined && isFault(reason)) ?? failed[0]
  if (cause !== undefined) return failureOf(cause)
  const [forwarded] = forwarders
  if (forwarded?.reason !== undefined) {
    const end = failureOf(forwarded)
    return isCertain ? end : { ...end, text: `${end.text} The forwarder's lines name no user: it may be another's.` }
  }
  const [broken] = unfinished
  if (broken !== undefined) {
    const whose = isCertain ? '' : " Lambda's lines name no tenant: it may be another's."
    const { text, fix } = howEnded(broken)
    return { failed: true, text: `An invocation has no closing line: ${text}.${whose}`, owner: 'us', fix }
  }
  const last = lines.at(-1)
  if (last === undefined)
    return { failed: true, text: "Lambda reports that it ended well, and the gateway's line is not among these." }
  const left = LEFT[last.outcome]
  if (left !== undefined) return { failed: true, ...left, ...(left.fix && { fix: withTenant(left.fix, last) }) }
  const [passed] = reasoned
  if (passed?.reason !== undefined)
    return { ...failureOf(passed), failed: levelOf(passed.reason, passed.outcome) !== 'info' }
  return { failed: false, text: DONE[last.outcome] ?? `It ended with ${last.outcome}.` }
}

/** A failure in words; what went before it, if anything, stands before them. */
export function failureOf(line: Line, before = ''): End {
  const { reason } = line
  if (reason === undefined) return { failed: true, text: '' }
  const { means, owner, fix } = rowOf(reason)
  return { failed: true, text: `${before}${reason}: ${means}`, owner, fix: fix && withTenant(fix, line) }
}

/** A command with the name of the tenant that a line is of. */
function withTenant(fix: string, { fields }: Line): string {
  const tenantId = textOf(fields, 'tenantId')
  return tenantId === undefined ? fix : fix.replace('<tenant>', tenantId)
}
