type OneOrMany = string | readonly string[]

export interface Statement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: '*' | { readonly AWS?: OneOrMany; readonly Service?: OneOrMany }
  readonly Action: OneOrMany
  readonly Resource?: OneOrMany
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany>>>>
}

export interface PolicyDocument {
  readonly Version: '2012-10-17'
  readonly Statement: readonly Statement[]
}

/** What is asked of a policy. `caller` is given if the policy belongs to a resource and so names principals. */
interface PolicyRequest {
  readonly action: string
  readonly resource: string
  readonly context: Readonly<Record<string, string>>
  readonly caller?: { readonly aws: readonly string[] } | { readonly service: string }
}

const list = (value: OneOrMany): readonly string[] => (typeof value === 'string' ? [value] : value)

/** `*` stands for any text, `?` for one character. */
function like(pattern: string, value: string, flags = ''): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, `s${flags}`).test(value)
}

/** ARNs match part by part, so that a `*` in the account cannot swallow a colon (IAM: ArnLike). */
function arnLike(pattern: string, value: string): boolean {
  const parts = (arn: string) => {
    const [head, rest] = [arn.split(':', 5), arn.split(':').slice(5).join(':')]
    return [...head, rest]
  }
  const [patterns, values] = [parts(pattern), parts(value)]
  return patterns.every((part, index) => like(part, values[index] ?? ''))
}

type Test = (expected: string, actual: string | undefined) => boolean

/** The operators that our roles, trusts and alias policies use. A missing key never matches, as in IAM. */
const operators: Record<string, Test> = {
  StringEquals: (expected, actual) => expected === actual,
  StringLike: (expected, actual) => actual !== undefined && like(expected, actual),
  ArnEquals: (expected, actual) => actual !== undefined && arnLike(expected, actual),
  ArnLike: (expected, actual) => actual !== undefined && arnLike(expected, actual),
  // Of several values none may be another; where there is none, it holds.
  'ForAllValues:StringEquals': (expected, actual) => actual === undefined || expected === actual,
  Null: (expected, actual) => (expected === 'true') === (actual === undefined),
}

/** Condition keys are case-insensitive: AWS's own pages write `AWS:SourceArn` as well as `aws:SourceArn`. */
function contextValue(context: PolicyRequest['context'], key: string): string | undefined {
  return Object.entries(context).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1]
}

function conditionsMet(statement: Statement, context: PolicyRequest['context']): boolean {
  return Object.entries(statement.Condition ?? {}).every(([operator, keys]) => {
    const test = operators[operator]
    // A guess could make the stand-in say yes to what AWS refuses.
    if (!test) throw new Error(`The stand-in does not know the condition operator ${operator}.`)
    return Object.entries(keys).every(([key, expected]) =>
      list(expected).some((value) => test(value, contextValue(context, key))),
    )
  })
}

function namesCaller(statement: Statement, caller: PolicyRequest['caller']): boolean {
  if (!caller) return true
  const { Principal: named } = statement
  if (named === undefined || named === '*') return named === '*'
  if ('service' in caller) return list(named.Service ?? []).includes(caller.service)
  return list(named.AWS ?? []).some((name) => name === '*' || caller.aws.includes(name))
}

function applies(statement: Statement, request: PolicyRequest): boolean {
  return (
    namesCaller(statement, request.caller) &&
    list(statement.Action).some((pattern) => like(pattern, request.action, 'i')) &&
    // A trust has no Resource: it belongs to its role.
    (statement.Resource === undefined || list(statement.Resource).some((pattern) => like(pattern, request.resource))) &&
    conditionsMet(statement, request.context)
  )
}

/** Evaluates policies as IAM does: an explicit Deny wins, then any Allow; `none` is the implicit deny. */
export function decision(policies: readonly PolicyDocument[], request: PolicyRequest): 'allow' | 'deny' | 'none' {
  const effects = policies.flatMap((policy) => policy.Statement.filter((one) => applies(one, request)))
  if (effects.some((statement) => statement.Effect === 'Deny')) return 'deny'
  return effects.length > 0 ? 'allow' : 'none'
}

/**
 * Reads a policy document from JSON, e.g. the session policy of an AssumeRole call.
 * @throws Error if it is no policy or uses a condition operator that the stand-ins cannot evaluate
 */
export function parsePolicy(text: string): PolicyDocument {
  const policy: Partial<PolicyDocument> | null = JSON.parse(text)
  if (policy?.Version !== '2012-10-17' || !Array.isArray(policy.Statement)) throw new Error('no policy document')
  for (const statement of policy.Statement as Partial<Statement>[]) {
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') throw new Error('Effect must be Allow or Deny')
    if (!isTextList(statement.Action) || !isTextList(statement.Resource)) throw new Error('Action or Resource missing')
    const unknown = Object.keys(statement.Condition ?? {}).find((operator) => !(operator in operators))
    if (unknown !== undefined) throw new Error(`unknown condition operator ${unknown}`)
  }
  return policy as PolicyDocument
}

function isTextList(value: unknown): value is OneOrMany {
  const values = Array.isArray(value) ? value : [value]
  return values.length > 0 && values.every((one) => typeof one === 'string' && one !== '')
}
