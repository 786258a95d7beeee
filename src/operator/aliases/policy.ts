import { poolOfArn } from '../pool/arn.js'
import { COGNITO, type PolicyFault, readStatement } from './statement.js'

/** Most bytes that the resource policy of one alias may have (fact A27: 20,480 characters; ours are all ASCII). */
export const POLICY_BYTES_MAX = 20_480

/** What the policy of an alias says. */
export interface AliasPolicy {
  /** Exact ARNs of the pools that it lets in, each once, ascending. */
  readonly poolArns: readonly string[]
  /** What it holds besides; `aliases grant` and `revoke` leave it out when they write the policy anew. */
  readonly faults: readonly PolicyFault[]
  /** Does any statement name Cognito? */
  readonly namesCognito: boolean
  /** Of the policy as it stands. */
  readonly bytes: number
}

/** The whole policy of an alias: one statement, that lets exactly these pools in. */
export function aliasPolicyText(aliasArn: string, poolArns: readonly string[]): string {
  const pools = sorted(poolArns)
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'CognitoUserPools',
        Effect: 'Allow',
        Principal: { Service: COGNITO },
        Action: 'lambda:InvokeFunction',
        Resource: aliasArn,
        Condition: {
          ArnLike: { 'AWS:SourceArn': pools },
          StringEquals: { 'AWS:SourceAccount': sorted(pools.flatMap((arn) => poolOfArn(arn)?.accountId ?? [])) },
        },
      },
    ],
  })
}

/** How many bytes of {@link POLICY_BYTES_MAX} such a policy takes. */
export function aliasPolicyBytes(aliasArn: string, poolArns: readonly string[]): number {
  return Buffer.byteLength(aliasPolicyText(aliasArn, poolArns))
}

/** Reads the policy of an alias, whoever wrote it; undefined stands for none. */
export function readAliasPolicy(aliasArn: string, text: string | undefined): AliasPolicy {
  if (text === undefined) return { poolArns: [], faults: [], namesCognito: false, bytes: 0 }
  const statements = statementsOf(text)
  const bytes = Buffer.byteLength(text)
  const namesCognito = text.includes(COGNITO)
  if (!statements) {
    return { poolArns: [], faults: [{ kind: 'unreadable', what: 'the policy cannot be read' }], namesCognito, bytes }
  }
  const read = statements.map((statement, index) => readStatement(statement, index, aliasArn))
  return {
    poolArns: sorted(read.flatMap(({ poolArns }) => poolArns)),
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
