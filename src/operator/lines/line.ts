import { fieldsOf } from '../../fields.js'
import { LOG_FIELDS, LOG_MESSAGES } from '../../plugins/log-line.js'
import { isReason, OUTCOMES, type Outcome, type Reason, type Step } from '../../reasons.js'

/** A closing line of the gateway, as much of it as the analysis reads. Other versions of the gateway may lack any field. */
export interface Line {
  readonly kind: 'line'
  /** Milliseconds since 1970. */
  readonly at: number
  readonly step: Step
  readonly outcome: Outcome
  readonly reason: Reason | undefined
  readonly fields: Fields
}

/** What Lambda writes of an invocation by itself; it has no time unless what exported it put one in front. */
export interface LambdaLine {
  readonly kind: 'lambda'
  readonly at: number | undefined
  readonly what: 'start' | 'end' | 'report' | 'timeout'
  readonly requestId: string
  /** Of a report whose invocation did not end well: `timeout`, or Lambda's name of the error. */
  readonly failed: string | undefined
  /** Of a report. */
  readonly durationMs?: number | undefined
}

export type Fields = { readonly [F in keyof typeof LOG_FIELDS]?: unknown }

const TIME_FIRST = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))\s/
const LAMBDA = /(?:^|\s)(START|END|REPORT) RequestId: ([0-9a-f-]{36})/
const TIMED_OUT = /([0-9a-f-]{36}) Task timed out after/
const DURATION = /\bDuration: ([\d.]+) ms/
const FAILED = /Status: (timeout|error)(?:.*?Error Type: ([\w.]+))?/

/** The text of a field, or nothing if it is missing or no text. */
export function textOf(fields: Fields, name: keyof Fields): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

const NAME = /^[\w.:+/#=-]{1,128}$/

/**
 * The name in a field: of a tenant, a client, a release, an error. A sentence, an address or anything else that a person may have
 * typed is none, so that no such thing comes into what is told of many lines.
 */
export function nameIn(fields: Fields, name: keyof Fields): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && NAME.test(value) ? value : undefined
}

/** May a dependency be called so? */
export const isDependency = (name: string) => /^[a-z][a-z0-9-]{0,30}$/.test(name)

/**
 * A line with nothing but what the gateway's own lines may have: fields of the list, and in them names, numbers, and milliseconds by
 * dependency. What another hand, or another version, wrote beside them is not handed on.
 */
export function allowed(line: Line): Line {
  const kept = Object.entries(line.fields).flatMap(([name, value]) => {
    const safe = Object.hasOwn(LOG_FIELDS, name) ? allowedValue(name, value) : undefined
    return safe === undefined ? [] : [[name, safe]]
  })
  return { ...line, fields: Object.fromEntries(kept) }
}

function allowedValue(name: string, value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (name === 'msg') return typeof value === 'string' && Object.hasOwn(LOG_MESSAGES, value) ? value : undefined
  if (typeof value === 'string') return NAME.test(value) ? value : undefined
  if (name === 'upstream')
    return Object.fromEntries(
      Object.entries(fieldsOf(value)).filter(([name, ms]) => isDependency(name) && typeof ms === 'number'),
    )
  if (name !== 'err') return
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter(
      ([name, text]) => ERR_FIELDS.includes(name) && typeof text === 'string' && NAME.test(text),
    ),
  )
}

/** What a line says of a failure; the runtime prints more of one, its message among them. */
const ERR_FIELDS = ['code', 'name', 'at']

/** The number in a field, or nothing if it is missing or no number. */
export function numberOf(fields: Fields, name: keyof Fields): number | undefined {
  const value = fields[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/**
 * Reads one line of a log: JSON as the gateway prints it, with or without the time and stream that an export puts in front, or one
 * of Lambda's own.
 * @returns nothing for any other line
 */
export function parseLine(text: string): Line | LambdaLine | undefined {
  const brace = text.indexOf('{')
  if (brace >= 0) return parseJsonLine(brace === 0 ? text : text.slice(brace))
  return parseLambdaLine(text)
}

function parseJsonLine(text: string): Line | undefined {
  let fields: Fields
  try {
    fields = JSON.parse(text)
  } catch {
    return
  }
  return lineOf(fields)
}

/** A line by its fields; nothing if they are not those of a closing line. */
export function lineOf(fields: Fields): Line | undefined {
  const at = Date.parse(String(fields?.time))
  const outcome = fields?.outcome as Outcome
  if (Number.isNaN(at) || !OUTCOMES.includes(outcome)) return
  return { kind: 'line', at, step: stepOf(fields), outcome, reason: reasonOf(fields), fields }
}

function reasonOf({ reason }: Fields): Reason | undefined {
  return isReason(reason) ? reason : undefined
}

/** A line of the forwarder stands for the function before a container, whatever the trigger. */
function stepOf(fields: Fields): Step {
  if (fields.door === 'forwarder') return 'forwarder'
  const step = textOf(fields, 'trigger') ?? textOf(fields, 'action')
  if (step !== undefined) return step as Step
  return fields.msg === 'invocation' ? 'invocation' : 'request'
}

function parseLambdaLine(text: string): LambdaLine | undefined {
  const time = TIME_FIRST.exec(text)?.[1]
  const at = time === undefined ? undefined : Date.parse(time)
  const [, word, requestId] = LAMBDA.exec(text) ?? []
  if (word !== undefined && requestId !== undefined) {
    const [, status, type] = FAILED.exec(text) ?? []
    const what = word.toLowerCase() as LambdaLine['what']
    const ms = DURATION.exec(text)?.[1]
    return {
      kind: 'lambda',
      at,
      what,
      requestId,
      failed: type ?? status,
      ...(ms && { durationMs: Math.round(Number(ms)) }),
    }
  }
  const timedOut = TIMED_OUT.exec(text)?.[1]
  if (timedOut === undefined) return
  return { kind: 'lambda', at, what: 'timeout', requestId: timedOut, failed: 'timeout' }
}
