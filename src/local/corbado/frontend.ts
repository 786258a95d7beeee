import type { WireAnswer, WireRequest } from '../aws/server.js'
import { isFields } from '../cognito/wire.js'
import type { ProofDesk } from './proof.js'

/** Where an app of a customer finds this; not Corbado's paths, whose Frontend API only browsers can talk to. */
export const LOGIN_PATHS = { start: '/local/login/start', finish: '/local/login/finish' } as const

/** What Corbado calls when a login starts: the gateway's action. */
export type PreLogin = (userPoolId: string, identifier: string) => Promise<object>

function readTexts<Name extends string>(
  { body }: WireRequest,
  names: readonly Name[],
): Record<Name, string> | undefined {
  let input: unknown
  try {
    input = JSON.parse(body.toString())
  } catch {
    return undefined
  }
  const texts = names.map((name) => [name, isFields(input) ? input[name] : undefined] as const)
  if (!texts.every(([, value]) => typeof value === 'string' && value !== '')) return undefined
  return Object.fromEntries(texts) as Record<Name, string>
}

/**
 * The part of Corbado that an app's users see, as far as a login goes: `start` answers what pre-login says of what a
 * user typed, `finish` signs as if the user had used a passkey. undefined where the path is of neither.
 */
export async function answerLogin(
  request: WireRequest,
  desk: Pick<ProofDesk, 'sign'>,
  preLogin: PreLogin | undefined,
): Promise<WireAnswer | undefined> {
  const refused = (error: string): WireAnswer => ({ status: 400, body: { error } })
  if (request.path === LOGIN_PATHS.start) {
    const input = readTexts(request, ['userPoolId', 'identifier'])
    if (!input) return refused('userPoolId and identifier are needed')
    if (!preLogin) return refused('there is no gateway yet')
    return { status: 200, body: await preLogin(input.userPoolId, input.identifier) }
  }
  if (request.path === LOGIN_PATHS.finish) {
    const input = readTexts(request, ['projectId', 'username'])
    if (!input) return refused('projectId and username are needed')
    return { status: 200, body: { signedPasskeyData: await desk.sign(input.projectId, input.username) } }
  }
  return undefined
}
