import { isDeepStrictEqual } from 'node:util'
import {
  AddPermissionCommand,
  CreateAliasCommand,
  DeleteResourcePolicyCommand,
  GetAliasCommand,
  GetPolicyCommand,
  GetResourcePolicyCommand,
  type LambdaClient,
  ListAliasesCommand,
  PutResourcePolicyCommand,
  RemovePermissionCommand,
} from '@aws-sdk/client-lambda'
import type { Call } from '../call.js'
import { isUpstreamError, otherAnswer, upstreamError } from '../errors.js'
import { fieldAt, textAt, textsOf } from '../fields.js'
import { callAws } from './aws-call.js'

/** What came of writing a policy. `changed-meanwhile`: it no longer has the revision that was read. */
export type PolicyWrite = 'written' | 'changed-meanwhile' | 'too-long'

/** The aliases of one function and the resource policy of each. */
export interface FunctionAliases extends Policies {
  /**
   * The endpoint does not know the calls on whole policies, so the older ones on single statements are used. A policy then
   * has one statement for each pool, and room for fewer pools.
   */
  readonly olderCalls: boolean
  /** The names of all aliases. */
  list(call: Call): Promise<string[]>
  /** Makes an alias for the version that the actions alias has. One that exists already is left as it is. */
  create(alias: string, call: Call): Promise<void>
}

/** The resource policies of aliases. */
interface Policies {
  /** The policy of an alias, with the revision by which it is replaced; undefined if there is none. */
  fetchPolicy(alias: string, call: Call): Promise<{ policy: string; revisionId: string } | undefined>
  /**
   * Replaces the whole policy of an alias.
   * @param revisionId as fetched; undefined if there was none, and then a change made meanwhile goes unnoticed
   */
  putPolicy(alias: string, policy: string, revisionId: string | undefined, call: Call): Promise<PolicyWrite>
  /** Deletes the whole policy of an alias: one that lets no caller in cannot be written. */
  deletePolicy(alias: string, revisionId: string, call: Call): Promise<PolicyWrite>
}

export interface FunctionAliasesOptions {
  /** Without version or alias. */
  readonly functionArn: string
  readonly actionsAlias: string
}

const COGNITO = 'cognito-idp.amazonaws.com'

const outcomes: Readonly<Record<string, PolicyWrite>> = {
  PreconditionFailedException: 'changed-meanwhile',
  PolicyLengthExceededException: 'too-long',
}

function errorTypeOf(error: unknown): string | undefined {
  return isUpstreamError(error) ? error.facts.errorType : undefined
}

/** Reads and writes the aliases of one function with the given client. */
export function createFunctionAliases(
  client: LambdaClient,
  { functionArn: FunctionName, actionsAlias }: FunctionAliasesOptions,
): FunctionAliases {
  async function fetchVersion(call: Call): Promise<string> {
    const command = new GetAliasCommand({ FunctionName, Name: actionsAlias })
    const answer = await callAws('lambda', call, undefined, (options) => client.send(command, options))
    const { FunctionVersion, AliasArn } = answer
    if (FunctionVersion === undefined) throw upstreamError('lambda', 'malformed')
    const aliasArn = `${FunctionName}:${actionsAlias}`
    if (AliasArn !== aliasArn) throw otherAnswer('lambda', `alias ${AliasArn}`, aliasArn)
    return FunctionVersion
  }

  const whole = wholePolicies(client, FunctionName)
  const single = singleStatements(client, FunctionName)
  let older = false
  /** Uses the newer calls until the endpoint shows that it does not know them. */
  async function either<T>(ask: (policies: Policies) => Promise<T>): Promise<T> {
    if (older) return ask(single)
    try {
      return await ask(whole)
    } catch (error) {
      if (!isUnknownOperation(error)) throw error
      older = true
      return ask(single)
    }
  }

  return {
    get olderCalls() {
      return older
    },
    fetchPolicy: (...asked) => either(({ fetchPolicy }) => fetchPolicy(...asked)),
    putPolicy: (...asked) => either(({ putPolicy }) => putPolicy(...asked)),
    deletePolicy: (...asked) => either(({ deletePolicy }) => deletePolicy(...asked)),
    async list(call) {
      const names: string[] = []
      let Marker: string | undefined
      do {
        const command = new ListAliasesCommand({ FunctionName, ...(Marker !== undefined && { Marker }) })
        const page = await callAws('lambda', call, undefined, (options) => client.send(command, options))
        names.push(...(page.Aliases ?? []).flatMap(({ Name }) => Name ?? []))
        Marker = page.NextMarker
      } while (Marker)
      return names
    },
    async create(Name, call) {
      const command = new CreateAliasCommand({ FunctionName, Name, FunctionVersion: await fetchVersion(call) })
      try {
        await callAws('lambda', call, undefined, (options) => client.send(command, options))
      } catch (error) {
        if (errorTypeOf(error) !== 'ResourceConflictException') throw error
      }
    },
  }
}

/**
 * Does the endpoint not know the calls of 2026-07, as an emulator or a partition may not yet? It then says that there is no
 * such operation, or answers as for an unknown path. Lambda's own answer that an alias has no policy is none of this.
 */
function isUnknownOperation(error: unknown): boolean {
  if (!isUpstreamError(error)) return false
  const { errorType, status } = error.facts
  if (errorType === undefined) return status === 404 || status === 405 || status === 501
  return /^(UnknownOperation|UnknownOperationException|NotImplemented|NotImplementedException|NotImplementedError)$/.test(
    errorType,
  )
}

/** The policy that was read; that an alias has none is an answer, not a fault. */
async function fetched(reading: Promise<{ Policy?: string | undefined; RevisionId?: string | undefined }>) {
  try {
    const { Policy, RevisionId } = await reading
    if (Policy === undefined || RevisionId === undefined) throw upstreamError('lambda', 'malformed')
    return { policy: Policy, revisionId: RevisionId }
  } catch (error) {
    if (errorTypeOf(error) === 'ResourceNotFoundException') return undefined
    throw error
  }
}

/** Works by the calls on a whole policy. */
function wholePolicies(client: LambdaClient, functionArn: string): Policies {
  return {
    fetchPolicy(alias, call) {
      const command = new GetResourcePolicyCommand({ ResourceArn: `${functionArn}:${alias}` })
      return fetched(callAws('lambda', call, undefined, (options) => client.send(command, options)))
    },
    async putPolicy(alias, Policy, RevisionId, call) {
      const ResourceArn = `${functionArn}:${alias}`
      const command = new PutResourcePolicyCommand({ ResourceArn, Policy, ...(RevisionId && { RevisionId }) })
      return written(callAws('lambda', call, undefined, (options) => client.send(command, options), 'never'))
    },
    async deletePolicy(alias, RevisionId, call) {
      const command = new DeleteResourcePolicyCommand({ ResourceArn: `${functionArn}:${alias}`, RevisionId })
      return written(callAws('lambda', call, undefined, (options) => client.send(command, options), 'never'))
    },
  }
}

/** Works by the calls on single statements, which AWS had from the beginning: each lets one pool in. */
function singleStatements(client: LambdaClient, FunctionName: string): Policies {
  function fetchPolicy(Qualifier: string, call: Call) {
    const command = new GetPolicyCommand({ FunctionName, Qualifier })
    return fetched(callAws('lambda', call, undefined, (options) => client.send(command, options)))
  }

  /**
   * Gives an alias these statements: those that are there already stay, all others become one for each pool. The first
   * change is made only if the revision is still the one that was read.
   */
  async function change(Qualifier: string, policy: readonly unknown[], revisionId: string | undefined, call: Call) {
    const found = await fetchPolicy(Qualifier, call)
    if (found?.revisionId !== revisionId) return 'changed-meanwhile'
    const there = found ? statementsOf(found.policy) : []
    const stays = (one: unknown, among: readonly unknown[]) => among.some((other) => isDeepStrictEqual(one, other))
    const now = there.filter((one) => !stays(one, policy)).map(readStatement)
    const wanted = policy.filter((one) => !stays(one, there)).flatMap(splitStatement)
    const same = (a: Statement, b: Statement) =>
      a.sid === b.sid && a.poolArn === b.poolArn && a.accountId === b.accountId
    const gone = now.filter((one) => !wanted.some((other) => same(one, other)))
    const added = wanted.filter((one) => !now.some((other) => same(one, other)))
    let RevisionId = revisionId
    for (const { sid: StatementId } of gone) {
      const command = new RemovePermissionCommand({ FunctionName, Qualifier, StatementId, RevisionId })
      const outcome = await written(
        callAws('lambda', call, undefined, (options) => client.send(command, options), 'never'),
      )
      if (outcome !== 'written') return outcome
      RevisionId = undefined
    }
    for (const { sid: StatementId, poolArn: SourceArn, accountId: SourceAccount } of added) {
      const command = new AddPermissionCommand({
        ...{ FunctionName, Qualifier, StatementId, SourceArn, SourceAccount, RevisionId },
        Action: 'lambda:InvokeFunction',
        Principal: COGNITO,
      })
      const outcome = await written(
        callAws('lambda', call, undefined, (options) => client.send(command, options), 'never'),
      )
      if (outcome !== 'written') return outcome
      RevisionId = undefined
    }
    return 'written'
  }

  return {
    fetchPolicy,
    putPolicy: (alias, policy, revisionId, call) => change(alias, statementsOf(policy), revisionId, call),
    deletePolicy: (alias, revisionId, call) => change(alias, [], revisionId, call),
  }
}

/** One statement of a policy, as far as the older calls can make it; without a pool if it is of another form. */
interface Statement {
  readonly sid: string
  readonly poolArn?: string | undefined
  readonly accountId?: string | undefined
}

function statementsOf(policy: string): unknown[] {
  try {
    return [fieldAt(JSON.parse(policy), 'Statement')].flat()
  } catch (error) {
    throw upstreamError('lambda', 'malformed', {}, error)
  }
}

/** Reads a statement of a policy. */
function readStatement(statement: unknown): Statement {
  const sid = textAt(statement, 'Sid') ?? ''
  const simple = textAt(statement, 'Principal', 'Service') === COGNITO && textAt(statement, 'Effect') === 'Allow'
  if (!simple) return { sid }
  const poolArn = textAt(statement, 'Condition', 'ArnLike', 'AWS:SourceArn')
  return { sid, poolArn, accountId: textAt(statement, 'Condition', 'StringEquals', 'AWS:SourceAccount') }
}

/** A statement of ours as several, one for each pool. */
function splitStatement(statement: unknown): Statement[] {
  return textsOf(fieldAt(statement, 'Condition', 'ArnLike', 'AWS:SourceArn')).map((poolArn) => {
    const [, , , , accountId, pool = ''] = poolArn.split(':')
    return { sid: `CognitoUserPool-${pool.replace('userpool/', '')}`, poolArn, accountId }
  })
}

/** What came of a write; any unexpected failure is thrown. */
async function written(write: Promise<unknown>): Promise<PolicyWrite> {
  try {
    await write
    return 'written'
  } catch (error) {
    const outcome = outcomes[errorTypeOf(error) ?? '']
    if (outcome === undefined) throw error
    return outcome
  }
}
