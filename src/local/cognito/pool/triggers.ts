import type { Clock } from '../../../call.js'
import { type Fields, isFields } from '../../../fields.js'
import type { InvocationResult, InvocationSource } from '../../lambda/as-cognito.js'
import { type AppClient, poolArn, type TriggerName, type UserPool } from './pools.js'
import { isTextMap, Refusal } from './wire.js'

/** One entry of the session that the define and create triggers see. */
export interface ChallengeResult {
  readonly challengeName: string
  readonly challengeResult: boolean
  readonly challengeMetadata: string | null
}

export type Decision =
  | { readonly kind: 'fail' }
  | { readonly kind: 'tokens' }
  | { readonly kind: 'challenge'; readonly challengeName: ChallengeName }

const challengeNames = ['CUSTOM_CHALLENGE', 'PASSWORD_VERIFIER', 'NEW_PASSWORD_REQUIRED'] as const
/** What Define may ask for. */
export type ChallengeName = (typeof challengeNames)[number]

const isFlag = (value: unknown): value is boolean | null | undefined => value == null || typeof value === 'boolean'
const isTextOrNone = (value: unknown): value is string | null | undefined => value == null || typeof value === 'string'

/**
 * Reads the answer of the define trigger. Refusing wins over issuing, and issuing over a challenge. undefined if a
 * value has the wrong type, or nothing is decided.
 */
export function readDefine({ challengeName, issueTokens, failAuthentication }: Fields): Decision | undefined {
  if (!isFlag(issueTokens) || !isFlag(failAuthentication) || !isTextOrNone(challengeName)) return undefined
  if (failAuthentication) return { kind: 'fail' }
  if (issueTokens) return { kind: 'tokens' }
  const known = challengeNames.find((name) => name === challengeName)
  return known && { kind: 'challenge', challengeName: known }
}

/** Reads the answer of the create trigger: texts only, and at least one public parameter. */
export function readCreate({ publicChallengeParameters, privateChallengeParameters, challengeMetadata }: Fields) {
  const privateParameters = privateChallengeParameters ?? {}
  if (!isTextMap(publicChallengeParameters) || Object.keys(publicChallengeParameters).length === 0) return undefined
  if (!isTextMap(privateParameters) || !isTextOrNone(challengeMetadata)) return undefined
  return { publicParameters: publicChallengeParameters, privateParameters, metadata: challengeMetadata ?? null }
}

/** Reads the answer of the verify trigger; anything but a boolean is not recognised. */
export function readVerify({ answerCorrect }: Fields): boolean | undefined {
  return typeof answerCorrect === 'boolean' ? answerCorrect : undefined
}

/** Supplied by the Lambda stand-in. */
export type Invoke = (functionArn: string, event: unknown, source: InvocationSource) => Promise<InvocationResult>

/** One delivery of an event. */
export interface TriggerCall {
  readonly functionArn: string
  readonly event: unknown
  /** The event as it came back; undefined if none did. */
  readonly answer: unknown
  /** Milliseconds until the answer, or until Cognito gave up. */
  readonly ms: number
}

/** A time-out is tried three times in all (fact A2). */
const TRIES = 3

const triggerSources: Record<TriggerName, string> = {
  PreSignUp: 'PreSignUp_SignUp',
  PostConfirmation: 'PostConfirmation_ConfirmSignUp',
  PreAuthentication: 'PreAuthentication_Authentication',
  DefineAuthChallenge: 'DefineAuthChallenge_Authentication',
  CreateAuthChallenge: 'CreateAuthChallenge_Authentication',
  VerifyAuthChallengeResponse: 'VerifyAuthChallengeResponse_Authentication',
  PostAuthentication: 'PostAuthentication_Authentication',
  PreTokenGeneration: 'TokenGeneration_Authentication',
}

/** Who signs in where. */
interface TriggerSubject {
  readonly pool: UserPool
  readonly client: AppClient
  readonly userName: string
}

/** What one trigger is asked, the empty response that it fills in, and how its answer is read. */
interface TriggerQuestion<T> {
  /** Of the event; `1` if left out. */
  readonly version?: string
  /** Of a trigger that has more than the usual one. */
  readonly triggerSource?: string
  readonly request: Fields
  readonly response: Fields
  /** undefined if a value has the wrong type. */
  read(response: Fields): T | undefined
}

/** Fires a trigger of the pool; undefined if the pool has none of that name. */
export type Fire = <T>(
  name: TriggerName,
  subject: TriggerSubject,
  question: TriggerQuestion<T>,
) => Promise<T | undefined>

/** What Cognito says of an answer that it cannot use. */
export const invalidResponse = () => new Refusal('InvalidLambdaResponseException', 'Unrecognizable lambda output')

function buildEvent(name: TriggerName, { pool, client, userName }: TriggerSubject, question: TriggerQuestion<unknown>) {
  return {
    version: question.version ?? '1',
    region: pool.region,
    userPoolId: pool.userPoolId,
    userName,
    callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: client.clientId },
    triggerSource: question.triggerSource ?? triggerSources[name],
    request: question.request,
    response: question.response,
  }
}

/** For token generation the newer of two parameters counts; if both are set they are the same. */
function functionOf(name: TriggerName, { lambdaConfig }: UserPool): string | undefined {
  const newer = name === 'PreTokenGeneration' ? lambdaConfig.PreTokenGenerationConfig?.LambdaArn : undefined
  return newer ?? lambdaConfig[name]
}

/** The whole event has to come back: an answer without a common field is not recognised (fact A3). */
function readAnswer<T>(answer: unknown, event: Fields, { read }: TriggerQuestion<T>): T {
  if (!isFields(answer) || !isFields(answer.response)) throw invalidResponse()
  if (Object.keys(event).some((key) => answer[key] === undefined || answer[key] === null)) throw invalidResponse()
  const value = read(answer.response)
  if (value === undefined) throw invalidResponse()
  return value
}

/** Fires triggers as Cognito does: up to three tries if they time out, one if they fail in any other way. */
export function createTriggers(invoke: Invoke, timeoutMs: number, calls: TriggerCall[], clock: Clock): Fire {
  async function deliver(functionArn: string, event: unknown, source: InvocationSource) {
    const startedAt = clock.elapsed()
    let cancel = () => {}
    const late = new Promise<'late'>((resolve) => {
      cancel = clock.after(timeoutMs, () => resolve('late'))
    })
    // A delivery that lost the race goes on running, as on AWS.
    const result = await Promise.race([invoke(functionArn, event, source), late])
    cancel()
    const answer = result === 'late' ? undefined : result.payload
    calls.push({ functionArn, event, answer, ms: clock.elapsed() - startedAt })
    return result
  }

  return async (name, subject, question) => {
    const { pool } = subject
    const functionArn = functionOf(name, pool)
    if (functionArn === undefined) return undefined
    const event = buildEvent(name, subject, question)
    const source = { sourceArn: poolArn(pool), sourceAccount: pool.accountId }
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const result = await deliver(functionArn, event, source)
      if (result === 'late') continue
      const { failed, functionError, payload } = result
      if (failed !== undefined) throw unexpected(name, failed)
      if (functionError === undefined) return readAnswer(payload, event, question)
      const message = `${name} failed with error ${functionError.errorMessage}.`
      throw new Refusal('UserLambdaValidationException', message)
    }
    throw unexpected(name, 'Socket timeout while invoking Lambda function')
  }
}

function unexpected(name: TriggerName, error: string): Refusal {
  return new Refusal('UnexpectedLambdaException', `${name} invocation failed due to error ${error}.`)
}
