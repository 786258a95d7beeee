import { type Fields, isFields, textAt } from '../../fields.js'
import { findTenant } from '../../operator/records/find.js'
import { textOf } from '../../operator/records/record.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { readTextFile } from '../../terminal/file.js'
import type { CommandIo } from '../../terminal/io.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** A Cognito event or an action's payload; whether it is a valid one is the app's to say. */
type Payload = Fields

/** Somewhat more than any event. */
const TEXT_LENGTH_MAX = 1_048_576

/**
 * Reads a payload from a file, or from what is piped in if the name is `-`.
 * @throws WrongUsage if there is no such file, or it holds no JSON object
 */
export async function readPayload(name: string, { stdin }: Pick<CommandIo, 'stdin'>): Promise<Payload> {
  const what = name === '-' ? 'what was piped in' : name
  const text = name === '-' ? await readAll(stdin) : await readText(name)
  try {
    const payload: unknown = JSON.parse(text)
    if (isFields(payload)) return payload
  } catch {
    // Told below, like JSON that is no object.
  }
  throw new WrongUsage(`${what} is not a JSON object; this prints one: corbado-gateway invoke --example verify`)
}

async function readText(file: string): Promise<string> {
  const read = await readTextFile(file, TEXT_LENGTH_MAX)
  if (read.kind !== 'text') throw new WrongUsage(`${file} ${read.why}`)
  return read.text
}

async function readAll(stdin: CommandIo['stdin']): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.length > TEXT_LENGTH_MAX) throw new WrongUsage('what was piped in is larger than any event')
  }
  return text
}

/** An event about a tenant, and the alias through which Cognito would send it; undefined for a pool of no tenant. */
export interface Addressed {
  readonly payload: Payload
  readonly alias: string | undefined
}

/**
 * Finds the tenant that a payload is about, or makes it about the one that `word` names: its pool, and in an event its region.
 * @throws NotPossible, WrongUsage if the word does not name one tenant
 */
export function address(payload: Payload, records: readonly TenantRecord[], word: string | undefined): Addressed {
  if (word === undefined) {
    const record = records.find(({ userPoolId }) => userPoolId === payload.userPoolId)
    return { payload, alias: record && textOf(record, 'alias') }
  }
  const record = findTenant(records, word)
  const region = poolRegionOf(record)
  const isEvent = typeof payload.triggerSource === 'string'
  const about = { ...payload, userPoolId: record.userPoolId, ...(isEvent && { region }) }
  return { payload: about, alias: textOf(record, 'alias') }
}

function poolRegionOf(record: TenantRecord): string {
  const region = textAt(record.config, 'aws', 'region')
  if (region !== undefined) return region
  throw new NotPossible(`the record of ${record.userPoolId} does not hold a tenant config: apply the tenant's file`)
}

/** Payloads to start from, complete enough to be sent as they are with `--tenant`. No person and no pool has these names and ids. */
const event = (triggerSource: string, request: object, response: object) => ({
  version: '1',
  region: 'eu-central-1',
  userPoolId: 'eu-central-1_AbCdEf123',
  userName: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: '1example23456789' },
  triggerSource,
  request: {
    userAttributes: { sub: '7c9e6679-7425-40de-944b-e07fc1f90ae7', 'cognito:user_status': 'CONFIRMED' },
    ...request,
  },
  response,
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** In the form of a proof, but signed by no key. */
const proof = `${part({ alg: 'RS256', kid: 'pki-0', typ: 'JWT' })}.${part({ sub: 'usr-0', webauthnId: '7c9e6679-7425-40de-944b-e07fc1f90ae7' })}.c2lnbmF0dXJl`

export const EXAMPLES = {
  define: event(
    'DefineAuthChallenge_Authentication',
    { session: [] },
    { challengeName: null, issueTokens: null, failAuthentication: null },
  ),
  create: event(
    'CreateAuthChallenge_Authentication',
    { session: [], challengeName: 'CUSTOM_CHALLENGE' },
    { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null },
  ),
  verify: event(
    'VerifyAuthChallengeResponse_Authentication',
    {
      challengeAnswer: proof,
      privateChallengeParameters: { cognitoID: '7c9e6679-7425-40de-944b-e07fc1f90ae7' },
    },
    { answerCorrect: null },
  ),
  'pre-login': { action: 'pre-login', userPoolId: 'eu-central-1_AbCdEf123', identifier: 'anna@example.com' },
  'post-login': { action: 'post-login', userPoolId: 'eu-central-1_AbCdEf123', signedPasskeyData: proof },
  'post-append': {
    action: 'post-append',
    userPoolId: 'eu-central-1_AbCdEf123',
    username: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  },
} as const satisfies Record<string, object>

export type ExampleName = keyof typeof EXAMPLES
export const EXAMPLE_NAMES = Object.keys(EXAMPLES)
