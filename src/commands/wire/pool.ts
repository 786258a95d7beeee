import type {
  UpdateUserPoolClientCommandInput,
  UpdateUserPoolCommandInput,
} from '@aws-sdk/client-cognito-identity-provider'
import { type Clock, createCall } from '../../call.js'
import { parseProxies } from '../../env.js'
import { isUpstreamError } from '../../errors.js'
import type { UserPoolId } from '../../ids.js'
import { explained } from '../../operator/advice.js'
import { saidInFull, saidOf } from '../../operator/attempt.js'
import { deniedRight } from '../../operator/pool/rights.js'
import { createSignIn } from '../../operator/sign-in.js'
import { operatorCall, tellWait } from '../../operator/upstreams.js'
import { inLine } from '../../terminal/clean.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import type {
  CallerIdentity,
  StackResource,
  UserPoolSettings,
  WholeClient,
  WholeUserPool,
} from '../../upstreams/operator.js'

/** How an update ended. A fault that leaves open whether it was carried out is thrown. */
export type UpdateOutcome =
  | { readonly kind: 'written' }
  /** Another change was going on; nothing was changed. */
  | { readonly kind: 'changed-meanwhile' }
  /** Cognito said no, and changed nothing. */
  | { readonly kind: 'refused'; readonly said: string }

/** As whom a pool is read and written. */
export type Identity = { readonly as: string } | { readonly unknown: string }

/** A user pool under its owner's own credentials. What the owner can fix is thrown as NotPossible. */
export interface OwnedPool {
  describe(): Promise<WholeUserPool>
  update(input: UpdateUserPoolCommandInput): Promise<UpdateOutcome>
  readonly settings: UserPoolSettings
  readonly clock: Clock
  /** The ARN of whoever asks; or what STS said instead. */
  identity(): Promise<Identity>
  describeClient(clientId: string): Promise<WholeClient>
  updateClient(input: UpdateUserPoolClientCommandInput): Promise<UpdateOutcome>
  /**
   * The CloudFormation stack that has the pool, or an app client of it; undefined if none does. Throws what was thrown: the
   * work goes on without it.
   */
  findStack(clientId?: string): Promise<StackResource | undefined>
}

/** Longest that one request may take; a person waits for it. */
const POOL_CALL_MS = 15_000
/** Longest wait for CloudFormation, which some networks do not let through: the work goes on without it. */
const STACK_CALL_MS = 5_000

/** Opens a pool with the credentials that the AWS SDK finds, and closes it after the work. */
export async function withOwnedPool<T>(
  at: { readonly userPoolId: UserPoolId; readonly region: string },
  io: CommandIo,
  work: (pool: OwnedPool) => Promise<T>,
): Promise<T> {
  const { userPoolId, region } = at
  const { clock } = io
  const proxies = parseProxies(io.env)
  const signIn = createSignIn(io)
  // The AWS SDK takes longer to load than all the rest, and wrong arguments are told without it.
  const { createOperatorUpstreams } = await import('../../upstreams/operator.js')
  const upstreams = createOperatorUpstreams(
    { region, actionsAlias: '', proxies, askCode: signIn.askCode },
    clock,
    tellWait(io),
  )
  const settings = upstreams.userPoolSettings(userPoolId, region, null)
  const context = { ...at, io, callerIdentity: upstreams.callerIdentity }
  const fail = async (error: unknown): Promise<never> => {
    throw await explainFault(error, { ...context, needed: NEEDED })
  }
  const failOf = (clientId: string | undefined) => async (error: unknown) => {
    throw await explainFault(error, { ...context, clientId, needed: NEEDED_OF_CLIENTS })
  }
  try {
    await signIn.run(upstreams)
    return await work({
      settings,
      clock,
      identity: () => identityFor(upstreams.callerIdentity, io),
      findStack: (clientId = userPoolId) => upstreams.findStack(clientId, createCall(STACK_CALL_MS, clock)),
      describe: () => settings.describeWhole(operatorCall(POOL_CALL_MS, clock)).catch(fail),
      update: (input) => updateOf(settings.update(input, operatorCall(POOL_CALL_MS, clock))).catch(fail),
      describeClient: (clientId) =>
        settings.describeWholeClient(clientId, operatorCall(POOL_CALL_MS, clock)).catch(failOf(clientId)),
      updateClient: (input) =>
        updateOf(settings.updateClient(input, operatorCall(POOL_CALL_MS, clock))).catch(failOf(input.ClientId)),
    })
  } finally {
    await upstreams.close()
  }
}

async function updateOf(updating: Promise<void>): Promise<UpdateOutcome> {
  try {
    await updating
    return { kind: 'written' }
  } catch (error) {
    return refusalOf(error)
  }
}

function refusalOf(error: unknown): UpdateOutcome {
  if (!isUpstreamError(error)) throw error
  if (error.facts.errorType === 'ConcurrentModificationException') return { kind: 'changed-meanwhile' }
  const gone = error.facts.errorType === 'ResourceNotFoundException'
  if (!gone && (error.kind === 'rejected' || error.kind === 'throttled'))
    return { kind: 'refused', said: saidInFull(error) }
  throw error
}

/** Which pool was asked about, and how to learn who asked. */
interface FaultContext {
  readonly userPoolId: UserPoolId
  readonly region: string
  readonly callerIdentity: CallerIdentity
  readonly io: CommandIo
  /** The app client that was asked about, if it was one; the pool was found before. */
  readonly clientId?: string | undefined
  /** What must be allowed. */
  readonly needed: readonly string[]
}

/** A plan, or an error, is worth more than the name in it. */
const IDENTITY_MS = 5_000

/** What must be allowed; what else is read may be refused. */
const NEEDED = ['cognito-idp:DescribeUserPool', 'cognito-idp:UpdateUserPool']
const NEEDED_OF_CLIENTS = ['cognito-idp:DescribeUserPoolClient', 'cognito-idp:UpdateUserPoolClient']

/** A sentence for what the pool's owner can fix; any other error as it is. */
async function explainFault(error: unknown, context: FaultContext): Promise<unknown> {
  if (!isUpstreamError(error) || error.upstream !== 'cognito') return error
  const { userPoolId, region } = context
  if (error.kind === 'denied') {
    const who = await identityOf(context)
    return new NotPossible(
      `${who.name} may not do this: ${saidInFull(error)}. ${neededText(saidInFull(error), context)}`,
    )
  }
  if (error.facts.errorType === 'ResourceNotFoundException' && context.clientId !== undefined) {
    const ids = 'the ids of those that it has stand in the Cognito console, under App clients'
    return new NotPossible(inLine(`user pool ${userPoolId} has no app client ${context.clientId}: ${ids}`))
  }
  if (error.facts.errorType === 'ResourceNotFoundException') {
    const who = await identityOf(context)
    return new NotPossible(`there is no user pool ${userPoolId} in ${region} of ${who.account}: ${otherPlace(context)}`)
  }
  return explained(error, context.io.env)
}

/** The right that AWS named, if it is not one on the pool. */
function neededText(said: string, { needed, clientId }: FaultContext): string {
  const onPool = `${needed.join(' and ')} on the pool`
  const named = deniedRight(said)
  if (!named || needed.includes(named.action)) return `It needs ${onPool}; a pool of another account is denied too`
  const whole = clientId === undefined ? 'pool' : 'app client'
  return `It needs ${named.action} on ${named.resource} too: the whole ${whole} is sent back`
}

function otherPlace({ userPoolId, region }: FaultContext): string {
  const begins = userPoolId.split('_', 1)[0]
  const elsewhere =
    begins === region
      ? ''
      : `. Its id begins with ${begins}: in that region it needs that region's hosted ARN, which Corbado names`
  return `use credentials of the account that owns it${elsewhere}; or is the id wrong?`
}

async function identityFor(callerIdentity: CallerIdentity, { clock }: CommandIo): Promise<Identity> {
  try {
    return { as: (await callerIdentity(createCall(IDENTITY_MS, clock))).arn }
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    return { unknown: saidOf(error) }
  }
}

async function identityOf({ callerIdentity, io }: FaultContext): Promise<{ name: string; account: string }> {
  try {
    const { arn, accountId } = await callerIdentity(createCall(IDENTITY_MS, io.clock))
    return { name: arn, account: `account ${accountId}, as whose ${arn} you are signed in` }
  } catch {
    return { name: 'the owner of these AWS credentials', account: 'the account of your AWS credentials' }
  }
}
