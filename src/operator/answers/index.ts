import { type TProperties, type TSchema, Type } from 'typebox'
import {
  aliasChange,
  anything,
  changes,
  count,
  exact,
  failed,
  fields,
  finding,
  flag,
  list,
  maybe,
  name,
  number,
  place,
  share,
  step,
  stored,
  text,
  textOrNull,
  texts,
  whole,
  written,
} from './parts.js'

/** What answers `--json`: its members beside `kind` and `error`, and the commands that print it. */
interface Answer {
  readonly by: readonly string[]
  /** Commands that print it in place of their own, if files are wrong. */
  readonly instead?: readonly string[]
  readonly members: TProperties
}

/**
 * Every kind of answer, in the order of the page's table; a test holds commands, page and help texts to it. `kind` says which
 * one it is. `error` is there if the command ended with one: then the answer may be an `error` alone.
 */
export const ANSWERS = {
  error: { by: [], members: {} },
  'tenant-files': {
    by: ['tenants validate'],
    instead: ['tenants plan', 'tenants apply', 'onboard'],
    members: {
      valid: flag,
      tenants: texts,
      issues: list({ file: text, line: count, column: count, field: text, message: text }),
    },
  },
  'tenants-plan': {
    by: ['tenants plan', 'tenants apply'],
    members: {
      applied: flag,
      place,
      added: list({ ...name, removed: maybe(exact(written)) }),
      changed: list({
        ...name,
        now: maybe(exact(written)),
        changes,
        setBacks: maybe(list({ changedIn: exact(written), said: maybe(count), fields: texts })),
      }),
      untouched: count,
      keptStatus: list({ ...name, status: text, fileStatus: text }),
      withoutFile: list(name),
      written: maybe(
        exact({
          added: texts,
          changed: texts,
          conflicts: list({ tenantId: text, version: maybe(count), updatedAt: maybe(text), updatedBy: maybe(text) }),
        }),
      ),
    },
  },
  'tenants-list': {
    by: ['tenants list'],
    members: { tenants: list({ ...name, customer: text, status: text, alias: text, ...written }) },
  },
  tenant: { by: ['tenants show'], members: { config: anything, ...written, hostedArn: maybe(text) } },
  'tenant-history': {
    by: ['tenants history'],
    members: {
      userPoolId: text,
      versions: list({ ...written, what: text, changes }),
      secret: maybe(stored),
      clientSecret: maybe(stored),
    },
  },
  'tenant-change': {
    by: ['tenants rollback', 'tenants activate', 'tenants pause', 'tenants resume', 'tenants suspend'],
    members: {
      ...name,
      written: flag,
      changes,
      place: maybe(place),
      was: maybe(exact(written)),
      findings: maybe(list(finding)),
      now: maybe(exact({ version: maybe(count), updatedAt: maybe(text), updatedBy: maybe(text) })),
      file: maybe(exact({ file: text, state: text, reason: maybe(text), otherDifferences: texts })),
    },
  },
  'tenant-removal': {
    by: ['tenants remove'],
    members: {
      ...name,
      removed: flag,
      place,
      version: maybe(count),
      file: maybe(exact({ file: text, deleted: flag, reason: maybe(text) })),
    },
  },
  'tenant-schema': { by: ['tenants schema'], members: { schema: fields } },
  secret: {
    by: ['secret set'],
    members: {
      ...name,
      parameter: text,
      version: maybe(count),
      place,
      was: maybe(exact(written)),
      taken: text,
      tried: flag,
    },
  },
  'wire-plan': {
    by: ['wire plan', 'wire apply', 'wire undo'],
    members: {
      applied: flag,
      userPoolId: text,
      name: maybe(text),
      arn: maybe(text),
      as: maybe(text),
      changes,
      taken: list({ slot: text, holds: maybe(text), expected: maybe(text), why: maybe(text) }),
      chained: maybe(list({ slot: text, trigger: text, functionArn: text })),
      warnings: texts,
      rights: list({ action: text, resource: text }),
      unknown: maybe(texts),
      management: maybe(exact({ tool: text, tag: maybe(text), stack: maybe(text), resource: maybe(text) })),
      print: maybe(exact({ tool: text, text })),
      snapshot: maybe(text),
      different: maybe(texts),
    },
  },
  'wire-client': {
    by: ['wire client'],
    members: {
      applied: flag,
      userPoolId: text,
      clientId: text,
      name: maybe(text),
      as: maybe(text),
      changes,
      warnings: texts,
      rights: list({ action: text, resource: text }),
      unknown: maybe(texts),
      management: maybe(exact({ tool: text, tag: maybe(text), stack: maybe(text), resource: maybe(text) })),
      print: maybe(exact({ tool: text, text })),
      different: maybe(texts),
    },
  },
  onboarding: {
    by: ['onboard'],
    members: {
      tenant: fields,
      file: text,
      handOver: text,
      hostedArn: text,
      roleArn: text,
      quickCreate: maybe(text),
      terraform: text,
      next: texts,
    },
  },
  'hand-over': {
    by: ['onboard'],
    members: {
      tenant: fields,
      handOver: text,
      hostedArn: text,
      roleArn: text,
      quickCreate: maybe(text),
      terraform: text,
      next: texts,
    },
  },
  aliases: {
    by: ['aliases list'],
    members: {
      aliases: list({
        alias: text,
        arn: text,
        pools: texts,
        bytesUsed: count,
        bytesLeft: whole,
        faults: aliasChange.faults,
      }),
    },
  },
  'aliases-change': {
    by: ['aliases grant', 'aliases revoke', 'aliases clean'],
    members: { written: flag, place, aliases: list(aliasChange) },
  },
  'aliases-check': {
    by: ['aliases check'],
    members: { pools: count, aliases: count, findings: list({ kind: text, alias: text, what: text, fix: text }) },
  },
  doctor: {
    by: ['doctor'],
    members: {
      tenants: list({ ...name, status: text, healthy: flag, findings: list(finding) }),
      notExamined: list({ ...name, status: text }),
    },
  },
  'doctor-changes': {
    by: ['doctor'],
    members: {
      since: textOrNull,
      tenants: list({ ...name, changes: list({ ...finding, was: maybe(text) }) }),
      gone: list(name),
      notExamined: list({ ...name, status: text }),
    },
  },
  invocation: {
    by: ['invoke'],
    members: {
      ok: flag,
      proven: flag,
      assumed: texts,
      decision: maybe(anything),
      thrown: maybe(text),
      outcome: maybe(text),
      reason: maybe(text),
      durationMs: maybe(number),
      upstream: fields,
      configVersion: maybe(count),
      alias: text,
      notDone: texts,
    },
  },
  'invoke-example': { by: ['invoke'], members: { name: text, payload: fields } },
  lines: { by: ['logs'], members: { lines: Type.Array(fields), left: count, read: count } },
  explanation: {
    by: ['explain'],
    members: {
      tenantId: textOrNull,
      lines: count,
      others: count,
      from: maybe(text),
      to: maybe(text),
      left: count,
      failed: list({ step: text, reason: text, lines: count, of: count }),
      doctor: maybe(list({ check: text, what: text, fix: maybe(text) })),
      causes: list({
        cause: text,
        owner: text,
        fix: maybe(text),
        what: text,
        reason: maybe(text),
        since: text,
        until: maybe(text),
        everywhere: flag,
        tenants: texts,
        inside: share,
        outside: share,
        lost: count,
        users: count,
        odd: list({ field: text, value: text, share: number, rest: number, covers: number }),
        changes: list({ what: text, version: text, at: text, by: maybe(text), fields: maybe(texts) }),
        follows: texts,
        alike: list({ what: text, tell: text }),
        baseline: text,
        confidence: text,
        probe: maybe(text),
        samples: texts,
      }),
    },
  },
  login: {
    by: ['explain'],
    members: {
      tenantId: text,
      logins: list({
        flowId: maybe(text),
        steps: list({
          at: text,
          afterMs: count,
          step: text,
          outcome: text,
          reason: maybe(text),
          level: text,
          durationMs: maybe(count),
          upstream: maybe(fields),
          requestId: maybe(text),
          tries: count,
          forwarderMs: maybe(count),
        }),
        failed: flag,
        cause: text,
        owner: maybe(text),
        fix: maybe(text),
      }),
      left: count,
      later: maybe(exact({ lines: count, at: text, cause: text, owner: maybe(text), fix: maybe(text), see: text })),
    },
  },
  report: {
    by: ['report'],
    members: {
      file: text,
      bytes: count,
      tenantId: textOrNull,
      lines: count,
      others: count,
      from: text,
      to: text,
      incidents: count,
      silent: count,
    },
  },
  watch: {
    by: ['watch'],
    members: {
      at: text,
      lines: count,
      notices: list({
        what: text,
        reason: maybe(text),
        was: text,
        health: text,
        everywhere: flag,
        tenants: count,
        names: texts,
        first: text,
        last: text,
        cause: maybe(text),
        owner: maybe(text),
        fix: maybe(text),
        runbook: text,
      }),
      causes: list({ what: text, health: text, first: text, last: text, tenants: count }),
    },
  },
  reasons: {
    by: ['reasons'],
    members: {
      reasons: list({
        reason: text,
        owner: text,
        fault: flag,
        at: list({ step: text, outcome: text, level: text }),
        means: text,
        fix: maybe(text),
        alike: list({ what: text, tell: text }),
        alarm: maybe(exact({ from: count, look: text })),
      }),
    },
  },
  completion: { by: ['completion'], members: { shell: text, script: text } },
  local: {
    by: ['local'],
    members: {
      tenants: list({
        tenantId: text,
        flow: text,
        steps: list({
          ...step,
          expected: text,
          ms: number,
          coldStart: flag,
          triggers: list({ trigger: text, outcome: text, ms: number }),
        }),
      }),
    },
  },
  'local-role': {
    by: ['local deploy-role', 'local delete-role'],
    members: { stackName: text, stackId: maybe(text), roleArn: maybe(text) },
  },
  'local-faults': {
    by: ['local fault', 'local fault list', 'local fault clear'],
    members: { faults: list({ dependency: text, kind: text, tenantId: maybe(text), until: text }) },
  },
  'local-credential': {
    by: ['local credential'],
    members: { tenantId: text, projectId: text, secrets: count, credential: maybe(text) },
  },
  'local-sign-in': {
    by: ['local sign-in'],
    members: {
      userPoolId: text,
      identifier: text,
      flow: text,
      signedIn: flag,
      steps: list({ ...step, unchanged: maybe(flag) }),
      claims: maybe(exact({ idToken: fields, accessToken: fields })),
      tokens: maybe(exact({ idToken: text, accessToken: text })),
    },
  },
} as const satisfies Record<string, Answer>

export type AnswerKind = keyof typeof ANSWERS

/** The schema of one kind of answer. */
export function answerSchema(kind: AnswerKind): TSchema {
  const { members }: Answer = ANSWERS[kind]
  return exact({ kind: Type.Literal(kind), ...members, error: kind === 'error' ? failed : maybe(failed) })
}
