import { textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import type { WireAnswer, WireRequest } from '../aws/server.js'
import type { ProofDesk } from './proof.js'

/** Where an app of a customer finds this; not Corbado's paths, whose Frontend API only browsers can talk to. */
export const LOGIN_PATHS = {
  start: '/local/login/start',
  finish: '/local/login/finish',
  append: '/local/login/append',
} as const

/** What Corbado calls when a login starts, and when a passkey was added: an action of the gateway. */
export type CallAction = (payload: {
  readonly action: 'pre-login' | 'post-append'
  readonly userPoolId: string
  readonly identifier?: string
  readonly username?: string
}) => Promise<object>

/**
 * The part of Corbado that an app's users see, as far as a login goes: `start` answers what pre-login says of what a
 * user typed, `finish` signs as if the user had used a passkey, `append` does as if one had been added. undefined if the
 * path is of none of them.
 */
export async function answerLogin(
  request: WireRequest,
  desk: Pick<ProofDesk, 'sign'>,
  callAction: CallAction | undefined,
): Promise<WireAnswer | undefined> {
  const refused = (error: string): WireAnswer => ({ status: 400, body: { error } })
  const input = parseJson(request.body)
  if (request.path === LOGIN_PATHS.start) {
    const [userPoolId, identifier] = [textAt(input, 'userPoolId'), textAt(input, 'identifier')]
    if (!userPoolId || !identifier) return refused('userPoolId and identifier are needed')
    if (!callAction) return refused('there is no gateway yet')
    return { status: 200, body: await callAction({ action: 'pre-login', userPoolId, identifier }) }
  }
  if (request.path === LOGIN_PATHS.append) {
    const [userPoolId, username] = [textAt(input, 'userPoolId'), textAt(input, 'username')]
    if (!userPoolId || !username) return refused('userPoolId and username are needed')
    if (!callAction) return refused('there is no gateway yet')
    return { status: 200, body: await callAction({ action: 'post-append', userPoolId, username }) }
  }
  if (request.path === LOGIN_PATHS.finish) {
    const [projectId, username] = [textAt(input, 'projectId'), textAt(input, 'username')]
    if (!projectId || !username) return refused('projectId and username are needed')
    return { status: 200, body: { signedPasskeyData: await desk.sign(projectId, username) } }
  }
  return undefined
}
