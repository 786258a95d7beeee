import { type TProperties, Type } from 'typebox'

/** Text, and a list of them. */
export const text = Type.String()
export const texts = Type.Array(text)
export const flag = Type.Boolean()
export const count = Type.Integer({ minimum: 0 })
export const whole = Type.Integer()
export const number = Type.Number()
export const textOrNull = Type.Union([text, Type.Null()])
/** Of unknown shape: what a table, a file or Cognito may hold. */
export const anything = Type.Unknown()
/** Of a shape that is said elsewhere. */
export const fields = Type.Record(Type.String(), anything)

/** An object of exactly these members. */
export const exact = (members: TProperties) => Type.Object(members, { additionalProperties: false })
export const list = (members: TProperties) => Type.Array(exact(members))
export const maybe = Type.Optional

/** What ended a command, in every kind of answer. */
export const failed = exact({
  message: text,
  exitCode: Type.Union([Type.Literal(1), Type.Literal(2)]),
  code: maybe(Type.String({ pattern: '^GW_ERR_[A-Z_]+$' })),
})

export const name = { tenantId: text, userPoolId: text }
export const written = { version: Type.Integer(), updatedAt: text, updatedBy: text }
/** Table, region, account and role that a change speaks to; `unknown` says why account and role are not known. */
export const place = exact({ table: text, region: text, accountId: maybe(text), as: maybe(text), unknown: maybe(text) })
export const changes = list({ field: text, from: maybe(anything), to: maybe(anything) })

export const finding = {
  check: text,
  state: Type.Enum(['passed', 'warned', 'failed', 'not-checkable']),
  what: text,
  fix: maybe(text),
  policy: maybe(fields),
  dependsOn: maybe(text),
  since: maybe(text),
  byDesign: maybe(flag),
}

/** A change of an alias's policy. */
export const aliasChange = {
  alias: text,
  added: texts,
  removed: texts,
  faults: list({ kind: text, what: text }),
  left: list({ kind: text, what: text }),
  arn: maybe(text),
  bytesUsed: maybe(count),
}

/** A step of a login in the embedded stack. */
export const step = {
  step: text,
  ok: flag,
  outcome: text,
}

/** Who stored which version of a secret when. */
export const stored = exact({ parameter: text, versions: list(written), unknown: maybe(text) })

/** Lines that something is true of, among all that were looked at. */
export const share = exact({ k: count, n: count })
