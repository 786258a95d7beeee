import { fieldAt, fieldsOf, textAt } from '../../fields.js'
import { actionCaller } from '../accounts.js'
import { parseJson } from '../aws/json.js'
import type { CallEnd, RecordedCall, StandIn, WireAnswer } from '../aws/server.js'
import type { Stack } from '../stack.js'
import { outcomeOf } from '../story/step.js'
import type { Trace, TraceBeginning, TraceEnding } from './trace.js'

/** What an answer holds; undefined if it is no JSON. */
export function bodyOf({ body }: WireAnswer): unknown {
  return typeof body === 'string' || Buffer.isBuffer(body) ? parseJson(body) : body
}

/** `AccessDeniedException: …`, as AWS's services and Corbado word it; undefined if the answer is no error. */
export function errorOf(status: number, body: unknown): string | undefined {
  if (status < 400) return undefined
  const name = textAt(body, '__type') ?? textAt(body, 'error', 'type') ?? textAt(body, 'code')
  const message = textAt(body, 'error', 'details') ?? textAt(body, 'message')
  if (name === undefined) return message ?? String(status)
  return message === undefined || message === name ? name : `${name}: ${message}`
}

/** Which tenant a call is of, by what it asks for. */
export type TenantOf = (text: string) => string | undefined

/** The kebab case of a trigger's source: `define-auth-challenge`. */
function triggerName(source: string): string {
  const [name = ''] = source.split('_')
  return name
    .replace(/^TokenGeneration$/, 'PreTokenGeneration')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
}

const NO_ANSWER: TraceEnding = { ms: null, ok: false, outcome: 'no answer' }

/** A trigger's event has an answer in Cognito's words, an action's one in Corbado's. */
function lambdaOutcome(input: unknown, answer: WireAnswer): Pick<TraceEnding, 'ok' | 'outcome'> {
  const body = bodyOf(answer)
  const thrown = answer.headers?.['x-amz-function-error'] !== undefined
  if (thrown) return { ok: false, outcome: textAt(body, 'errorMessage') ?? 'failed' }
  const refused = errorOf(answer.status, body)
  if (refused !== undefined) return { ok: false, outcome: answer.headers?.['x-amzn-errortype'] ?? refused }
  if (textAt(input, 'triggerSource') !== undefined) {
    const response = fieldsOf(fieldAt(body, 'response'))
    const refusal = response.failAuthentication === true || response.answerCorrect === false
    return { ok: !refusal, outcome: outcomeOf(response) }
  }
  const code = textAt(body, 'body', 'error', 'code') ?? textAt(body, 'body', 'code')
  if (code !== undefined) return { ok: false, outcome: code }
  const found = textAt(body, 'body', 'identifier')
  return { ok: true, outcome: found === undefined ? 'done' : `user ${found}` }
}

/** Cognito's and Corbado's calls of the gateway, and the gateway's of the customer's own functions. */
function ofLambda({ principal, input }: RecordedCall): TraceBeginning | undefined {
  const source = textAt(input, 'triggerSource')
  if (source !== undefined) {
    const own = principal !== 'cognito-idp.amazonaws.com'
    const [from, to] = own ? (['gateway', 'customer'] as const) : (['cognito', 'gateway'] as const)
    return { from, to, name: triggerName(source), detail: source }
  }
  const action = textAt(input, 'action')
  if (action === undefined || principal !== actionCaller.arn) return undefined
  return { from: 'corbado', to: 'gateway', name: action }
}

const plainOutcome = (_input: unknown, answer: WireAnswer): Pick<TraceEnding, 'ok' | 'outcome'> => {
  const body = bodyOf(answer)
  const error = errorOf(answer.status, body)
  if (error !== undefined) return { ok: false, outcome: error }
  const verdict = textAt(body, 'verificationResult')
  if (verdict !== undefined) return { ok: verdict === 'success', outcome: verdict }
  const status = textAt(body, 'UserStatus')
  return { ok: true, outcome: status ?? 'ok' }
}

type Describe = (call: RecordedCall) => TraceBeginning | undefined

/** The gateway's own calls of a service of AWS; those of operators and apps are not of a login. */
const ofGateway =
  (detail: string, isOurs: (call: RecordedCall) => boolean): Describe =>
  (call) =>
    isOurs(call) ? { from: 'gateway', to: 'aws', name: call.operation, detail } : undefined

const byRole = (word: string) => (call: RecordedCall) => call.principal?.includes(word) === true
const byGateway = byRole(':assumed-role/corbado-gateway/')

/** What tells calls apart that look alike on the wire. */
export interface CallFacts {
  readonly tenantOf: TenantOf
  /** Who asks Corbado for a tenant's connect tokens. */
  tokensFrom(tenantId: string | undefined): 'gateway' | 'app'
}

/**
 * Has every call between those who take part traced, as the stand-ins see them. What browsers ask is traced where it is
 * passed on.
 */
export function watchCalls(
  { cognito, corbado, lambda, sts, ssm, table }: Stack,
  trace: Trace,
  { tenantOf, tokensFrom }: CallFacts,
): void {
  function watch(standIn: StandIn, describe: Describe, judge: typeof lambdaOutcome): void {
    standIn.watch((call) => {
      const about = describe(call)
      if (!about) return () => {}
      const tenantId = tenantOf(`${JSON.stringify(call.input)} ${call.principal}`)
      const from = call.operation === 'connectTokens' ? tokensFrom(tenantId) : about.from
      const end = trace.begin({ ...about, from, ...(tenantId && { tenantId }) })
      return ({ answer, ms }: CallEnd) => {
        if (!answer) return end(NO_ANSWER)
        const requestId = about.to === 'gateway' ? answer.headers?.['x-amzn-requestid'] : undefined
        end({ ms, requestId, ...judge(call.input, answer) })
      }
    })
  }

  watch(lambda, ofLambda, lambdaOutcome)
  watch(
    cognito,
    (call) =>
      call.principal === undefined || byRole('customer-admin')(call)
        ? undefined
        : { from: 'gateway', to: 'cognito', name: call.operation },
    plainOutcome,
  )
  watch(
    corbado,
    ({ operation: name, principal }) =>
      principal === undefined || name.includes('/') ? undefined : { from: 'gateway', to: 'corbado', name },
    plainOutcome,
  )
  watch(sts, ofGateway('STS', byGateway), plainOutcome)
  watch(ssm, ofGateway('SSM', byGateway), plainOutcome)
  watch(table, ofGateway('DynamoDB', byGateway), plainOutcome)
}
