import { textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import type { WireAnswer, WireRequest } from '../aws/server.js'
import type { ProofDesk } from './proof.js'

/** Where an app of a customer finds this; not Corbado's paths, whose Frontend API only browsers can talk to. */
export const LOGIN_PATHS = { start: '/local/login/start', finish: '/local/login/finish' } as const

/** What Corbado calls when a login starts: the gateway's action. */
export type PreLogin = (userPoolId: string, identifier: string) => Promise<object>

/**
 * The part of Corbado that an app's users see, as far as a login goes: `start` answers what pre-login says of what a
 * user typed, `finish` signs as if the user had used a passkey. undefined if the path is of neither.
 */
export async function answerLogin(
  request: WireRequest,
  desk: Pick<ProofDesk, 'sign'>,
  preLogin: PreLogin | undefined,
): Promise<WireAnswer | undefined> {
  const refused = (error: string): WireAnswer => ({ status: 400, body: { error } })
  const input = parseJson(request.body)
  if (request.path === LOGIN_PATHS.start) {
    const [userPoolId, identifier] = [textAt(input, 'userPoolId'), textAt(input, 'identifier')]
    if (!userPoolId || !identifier) return refused('userPoolId and identifier are needed')
    if (!preLogin) return refused('there is no gateway yet')
    return { status: 200, body: await preLogin(userPoolId, identifier) }
  }
  if (request.path === LOGIN_PATHS.finish) {
    const [projectId, username] = [textAt(input, 'projectId'), textAt(input, 'username')]
    if (!projectId || !username) return refused('projectId and username are needed')
    return { status: 200, body: { signedPasskeyData: await desk.sign(projectId, username) } }
  }
  return undefined
}
