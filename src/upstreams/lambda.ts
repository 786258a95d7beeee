import {
  CreateAliasCommand,
  DeleteResourcePolicyCommand,
  GetAliasCommand,
  GetResourcePolicyCommand,
  type LambdaClient,
  ListAliasesCommand,
  PutResourcePolicyCommand,
} from '@aws-sdk/client-lambda'
import type { Call } from '../call.js'
import { isUpstreamError, otherAnswer, upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** What came of writing a policy. `changed-meanwhile`: it no longer has the revision that was read. */
export type PolicyWrite = 'written' | 'changed-meanwhile' | 'too-long'

/** The aliases of one function and the resource policy of each. */
export interface FunctionAliases {
  list(call: Call): Promise<string[]>
  /** Makes an alias of the version that the actions alias has. One that exists already is what was wanted. */
  create(alias: string, call: Call): Promise<void>
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

  return {
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
    async fetchPolicy(alias, call) {
      const command = new GetResourcePolicyCommand({ ResourceArn: `${FunctionName}:${alias}` })
      try {
        const { Policy, RevisionId } = await callAws('lambda', call, undefined, (options) =>
          client.send(command, options),
        )
        if (Policy === undefined || RevisionId === undefined) throw upstreamError('lambda', 'malformed')
        return { policy: Policy, revisionId: RevisionId }
      } catch (error) {
        if (errorTypeOf(error) === 'ResourceNotFoundException') return undefined
        throw error
      }
    },
    async putPolicy(alias, Policy, RevisionId, call) {
      const ResourceArn = `${FunctionName}:${alias}`
      const command = new PutResourcePolicyCommand({ ResourceArn, Policy, ...(RevisionId && { RevisionId }) })
      return written(callAws('lambda', call, undefined, (options) => client.send(command, options), 'never'))
    },
    async deletePolicy(alias, RevisionId, call) {
      const command = new DeleteResourcePolicyCommand({ ResourceArn: `${FunctionName}:${alias}`, RevisionId })
      return written(callAws('lambda', call, undefined, (options) => client.send(command, options), 'never'))
    },
  }
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
