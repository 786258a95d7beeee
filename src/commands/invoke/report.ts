import { type Fields, fieldAt, fieldsOf, isFields, textAt } from '../../fields.js'
import type { Paint } from '../../terminal/io.js'

/** What came of one invocation. */
export interface Invoked {
  /** What Lambda would have answered; undefined if it threw. */
  readonly answer: unknown
  /** The text that Cognito, or another caller, would have got instead. */
  readonly error: string | undefined
  /** The app's closing line. */
  readonly line: Fields
  /** What a dry run left out. */
  readonly notDone: readonly string[]
  /** What the decision rests on that nobody has said: it is proven only if this is empty. */
  readonly assumed: readonly string[]
  /** Of the invoked ARN. */
  readonly alias: string
}

/** Would an engineer be called for it: an error, an HTTP status of one, or a line of level error? */
export function isWrong({ answer, error, line }: Invoked): boolean {
  return error !== undefined || statusOf(answer) >= 400 || line.level === 'error'
}

/** What `--json` prints. */
export function invokedJson(invoked: Invoked) {
  const { answer, error, line, notDone, assumed, alias } = invoked
  const { outcome, reason, durationMs, upstream, configVersion } = line
  return {
    ok: !isWrong(invoked),
    proven: assumed.length === 0,
    assumed,
    ...(error === undefined ? { decision: decisionOf(answer) } : { thrown: error }),
    ...{ outcome, reason, durationMs, upstream: upstream ?? {}, configVersion, alias, notDone },
  }
}

/** The same for a person, a line each; what there is not is left out. */
export function invokedText(invoked: Invoked, paint: Paint): string {
  const { answer, error, line, notDone, assumed, alias } = invoked
  const { configVersion } = line
  const rows: [name: string, text: string | undefined][] = [
    ...assumed.map((text): [string, string] => ['not proven', paint('yellow', `it was assumed ${text}`)]),
    ['alias', alias],
    ['outcome', textAt(line, 'outcome')],
    ['reason', textAt(line, 'reason')],
    ['decision', error === undefined ? JSON.stringify(decisionOf(answer)) : undefined],
    ['error', error && paint('red', error)],
    ['shown', error === undefined ? undefined : shownBy(line, error)],
    ['time', timeText(line)],
    ['config', configVersion === undefined ? 'none' : `version ${configVersion}`],
    ...notDone.map((text): [string, string] => ['not done', paint('yellow', text)]),
  ]
  const lines = rows.flatMap(([name, text]) => (text ? [`${name.padEnd(9)} ${text}\n`] : []))
  return `${lines.join('')}${notDone.length > 0 ? '\nThis was a dry run; with --write it is done.\n' : ''}`
}

/** Of a trigger its response, of an action status and body. Tokens are a user's: that there are some is all that is told. */
function decisionOf(answer: unknown): unknown {
  if (isFields(answer) && 'response' in answer) return answer.response
  const session = textAt(answer, 'body', 'session')
  return session === undefined
    ? answer
    : { ...fieldsOf(answer), body: { session: `(tokens, ${session.length} characters)` } }
}

function statusOf(answer: unknown): number {
  const status = fieldAt(answer, 'statusCode')
  return typeof status === 'number' ? status : 0
}

/** Cognito puts the trigger's name before what a function threw (fact A4). */
function shownBy(line: Invoked['line'], error: string): string | undefined {
  const trigger = textAt(line, 'triggerSource')?.split('_')[0]
  return trigger && `to the user, by Cognito: "${trigger} failed with error ${error}."`
}

function timeText({ durationMs, upstream }: Invoked['line']): string {
  const parts = Object.entries(fieldsOf(upstream)).map(([name, ms]) => `${name} ${ms} ms`)
  return `${durationMs ?? '?'} ms${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`
}
