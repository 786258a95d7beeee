import { isDeepStrictEqual } from 'node:util'
import { fieldsOf, textsOf } from '../../fields.js'
import { poolOfArn } from '../pool/arn.js'

/** Most bytes that the resource policy of one alias may have (fact A27: 20,480 characters; ours are all ASCII). */
export const POLICY_BYTES_MAX = 20_480

/** What the policy of an alias says. */
export interface AliasPolicy {
  /** Exact ARNs of the pools that it lets in, each once, ascending. */
  readonly poolArns: readonly string[]
  /** Those that statements of our own form let in. */
  readonly ownArns: readonly string[]
  /** Those that are named in {@link AliasPolicy.others}; whether these let them in is another question. */
  readonly otherArns: readonly string[]
  /** Statements that are not as `aliases grant` would write them, as they stand: none but `aliases clean` takes them out. */
  readonly others: readonly unknown[]
  /** What is wrong with the others. */
  readonly faults: readonly PolicyFault[]
  /** Does any statement name Cognito? */
  readonly namesCognito: boolean
  /** Of the policy as it stands. */
  readonly bytes: number
}

/**
 * The whole policy of an alias: one statement, that lets exactly these pools in.
 * @param others statements that it holds beside that; without pools it holds these alone
 */
export function aliasPolicyText(
  aliasArn: string,
  poolArns: readonly string[],
  others: readonly unknown[] = [],
): string {
  const pools = sorted(poolArns)
  const own = {
    Sid: sidBeside(others),
    Effect: 'Allow',
    Principal: { Service: COGNITO },
    Action: 'lambda:InvokeFunction',
    Resource: aliasArn,
    Condition: {
      ArnLike: { 'AWS:SourceArn': pools },
      StringEquals: { 'AWS:SourceAccount': sorted(pools.flatMap((arn) => poolOfArn(arn)?.accountId ?? [])) },
    },
  }
  const Statement = pools.length === 0 && others.length > 0 ? others : [own, ...others]
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

const SID = 'CognitoUserPools'

/** No two statements of a policy may have one name, and somebody may have changed one of ours. */
function sidBeside(others: readonly unknown[]): string {
  const taken = new Set(others.map((one) => fieldsOf(one).Sid))
  let sid = SID
  for (let number = 2; taken.has(sid); number++) sid = `${SID}${number}`
  return sid
}

/** How many bytes of {@link POLICY_BYTES_MAX} such a policy takes. */
export function aliasPolicyBytes(aliasArn: string, poolArns: readonly string[]): number {
  return Buffer.byteLength(aliasPolicyText(aliasArn, poolArns))
}

const NONE = { poolArns: [], ownArns: [], otherArns: [], others: [], faults: [] }

/** Reads the policy of an alias, by any writer; undefined stands for none. */
export function readAliasPolicy(aliasArn: string, text: string | undefined): AliasPolicy {
  if (text === undefined) return { ...NONE, namesCognito: false, bytes: 0 }
  const statements = statementsOf(text)
  const bytes = Buffer.byteLength(text)
  const namesCognito = text.includes(COGNITO)
  if (!statements) {
    return { ...NONE, faults: [{ kind: 'unreadable', what: 'the policy cannot be read' }], namesCognito, bytes }
  }
  const read = statements.map((statement, index) => ({ statement, ...readStatement(statement, index, aliasArn) }))
  const others = read.filter(({ faults }) => faults.length > 0)
  const own = read.filter(({ faults }) => faults.length === 0)
  return {
    poolArns: sorted(read.flatMap(({ poolArns }) => poolArns)),
    ownArns: sorted(own.flatMap(({ poolArns }) => poolArns)),
    otherArns: sorted(others.flatMap(({ poolArns }) => poolArns)),
    others: others.map(({ statement }) => statement),
    faults: read.flatMap(({ faults }) => faults),
    namesCognito,
    bytes,
  }
}

function statementsOf(text: string): readonly unknown[] | undefined {
  try {
    const { Statement }: { Statement?: unknown } = JSON.parse(text)
    return Array.isArray(Statement) ? Statement : [Statement]
  } catch {
    return undefined
  }
}

function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort()
}

/** Something in an alias's policy that `aliases grant` would not have written. */
export interface PolicyFault {
  readonly kind: 'unreadable' | 'account-principal' | 'foreign-statement' | 'inexact-arn' | 'wrong-accounts'
  /** Completes "alias t-1: …". */
  readonly what: string
}

interface ReadStatement {
  /** Exact ARNs of the pools that it lets in. */
  readonly poolArns: readonly string[]
  readonly faults: readonly PolicyFault[]
}

const COGNITO = 'cognito-idp.amazonaws.com'

/** Actions, as IAM reads them, with which a function can be invoked. */
const invokes = /^(\*|lambda:(\*|invoke\*|invokefunction))$/i

/** Tells what one statement of an alias's policy lets in, and what is wrong with it. `index` counts from 0. */
function readStatement(statement: unknown, index: number, aliasArn: string): ReadStatement {
  const fields = fieldsOf(statement)
  const name = typeof fields.Sid === 'string' ? `statement ${fields.Sid}` : `statement ${index + 1}`
  const fault = (kind: PolicyFault['kind'], what: string) => ({
    poolArns: [],
    faults: [{ kind, what: `${name} ${what}` }],
  })

  const { AWS, Service, ...otherPrincipals } = fieldsOf(fields.Principal)
  if (AWS !== undefined || fields.Principal === '*') {
    return fault(
      'account-principal',
      `names ${textsOf(AWS ?? '*').join(', ')}, who could speak for every pool behind it`,
    )
  }
  if (!isDeepStrictEqual(textsOf(Service), [COGNITO]) || Object.keys(otherPrincipals).length > 0) {
    return fault('foreign-statement', `names ${textsOf(Service).join(', ') || 'a principal'} that is not Cognito`)
  }
  const actions = textsOf(fields.Action)
  const read = readCondition(fields.Condition, name)
  const simple = isDeepStrictEqual(actions, ['lambda:InvokeFunction'])
  if (fields.Effect === 'Allow' && simple && isDeepStrictEqual(textsOf(fields.Resource), [aliasArn])) return read
  const { faults } = fault('foreign-statement', 'does not simply allow lambda:InvokeFunction on this alias')
  // Pools that it lets in stay let in when the policy is written again.
  const letsIn = fields.Effect === 'Allow' && actions.some((action) => invokes.test(action))
  return { poolArns: letsIn ? read.poolArns : [], faults }
}

function readCondition(condition: unknown, name: string): ReadStatement {
  const conditions = conditionsOf(condition)
  const sources = conditions.filter(({ test }) => /^(arn|string)(like|equals) aws:sourcearn$/.test(test))
  const owners = conditions.filter(({ test }) => test === 'stringequals aws:sourceaccount')
  const arns = sources.flatMap(({ values }) => values)
  const poolArns = arns.filter((arn) => poolOfArn(arn))
  const faults: PolicyFault[] = []
  const fault = (kind: PolicyFault['kind'], what: string) => faults.push({ kind, what: `${name} ${what}` })

  if (conditions.length > sources.length + owners.length || sources.length > 1 || owners.length > 1) {
    fault('foreign-statement', `has other conditions than ours: ${conditions.map(({ test }) => test).join(', ')}`)
  }
  if (arns.length === 0) fault('inexact-arn', 'names no pool, so any pool may call')
  if (poolArns.length < arns.length) {
    const inexact = arns.filter((arn) => !poolOfArn(arn))
    fault('inexact-arn', `names ${inexact.join(', ')}, which is no exact ARN of a pool`)
  }
  const accounts = owners.flatMap(({ values }) => values)
  if (
    !sameTexts(
      accounts,
      poolArns.flatMap((arn) => poolOfArn(arn)?.accountId ?? []),
    )
  ) {
    fault('wrong-accounts', `names accounts (${accounts.join(', ') || 'none'}) that are not those of its pools`)
  }
  return { poolArns, faults }
}

/** Every operator with its key, in lower case as IAM reads them, and what it compares with. */
function conditionsOf(condition: unknown): { readonly test: string; readonly values: readonly string[] }[] {
  return Object.entries(fieldsOf(condition)).flatMap(([operator, keys]) =>
    Object.entries(fieldsOf(keys)).map(([key, value]) => ({
      test: `${operator} ${key}`.toLowerCase(),
      values: textsOf(value),
    })),
  )
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return isDeepStrictEqual(new Set(a), new Set(b))
}
