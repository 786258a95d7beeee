import { isDeepStrictEqual } from 'node:util'
import { fieldsOf, textsOf } from '../../fields.js'
import { poolOfArn } from '../pool/arn.js'

/** Something in an alias's policy that `aliases grant` would not have written. */
export interface PolicyFault {
  readonly kind: 'unreadable' | 'account-principal' | 'foreign-statement' | 'inexact-arn' | 'wrong-accounts'
  /** Completes "alias t-1: …". */
  readonly what: string
}

export interface ReadStatement {
  /** Exact ARNs of the pools that it lets in. */
  readonly poolArns: readonly string[]
  readonly faults: readonly PolicyFault[]
}

export const COGNITO = 'cognito-idp.amazonaws.com'

/** Actions, as IAM reads them, with which a function can be invoked. */
const invokes = /^(\*|lambda:(\*|invoke\*|invokefunction))$/i

/** Tells what one statement of an alias's policy lets in, and what is wrong with it. `index` counts from 0. */
export function readStatement(statement: unknown, index: number, aliasArn: string): ReadStatement {
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
  // Pools that it lets in stay let in when the policy is written anew.
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
