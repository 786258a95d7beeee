import { fieldAt, isFields, textsOf } from '../../fields.js'
import { NotPossible } from '../../terminal/failure.js'
import { LOGIN_PATHS } from '../corbado/frontend.js'
import type { ActionAnswer } from './actions.js'
import type { App, Apps } from './apps.js'
import { type LoginStage, passwordLogin, startLogin } from './login.js'

export interface SignIn extends Apps {
  readonly app: App
  readonly user: App['users'][number]
  readonly flow: 'passkey' | 'password-then-passkey' | 'password'
  /** Does the app add a passkey after that? */
  readonly append?: boolean
}

/** A step of a login, and what came of it. */
interface SignInStep {
  readonly step: string
  readonly ok: boolean
  /** It went well and changed nothing. */
  readonly unchanged?: true
  readonly outcome: string
}

interface SignInReport {
  readonly steps: readonly SignInStep[]
  readonly signedIn: boolean
}

/**
 * Signs a user in, step by step, as an app does: it stops where the app would, which offers another way to sign in. A step
 * is right only if what it was for came about.
 */
export async function signIn(options: SignIn): Promise<SignInReport> {
  const { app, user, flow, cognito } = options
  const { userPoolId, clientId } = app
  const steps: SignInStep[] = []
  const end = async (stage: LoginStage, step: string): Promise<SignInReport> => {
    steps.push(endStep(step, stage))
    if (stage.kind === 'tokens' && options.append) steps.push(await postAppend(options, stage))
    return { steps, signedIn: stage.kind === 'tokens' }
  }
  const login = { endpoint: cognito, userPoolId, clientId, username: user.identifier }
  if (flow === 'password') return end(await passwordLogin({ ...login, password: user.password }), 'password')

  const { step, username } = await preLogin(options)
  steps.push(step)
  if (username === undefined) return { steps, signedIn: false }
  const password = flow === 'password-then-passkey' ? user.password : undefined
  const begun = await startLogin({ ...login, username, password })
  if (begun.kind !== 'challenge') return end(begun, 'begin login')
  steps.push({ step: 'begin login', ok: true, outcome: 'Cognito asks for the passkey' })
  const { signedPasskeyData } = await ask(options, 'finish', { projectId: app.projectId, username })
  const proof = String(signedPasskeyData)
  steps.push({ step: 'passkey', ok: true, outcome: 'used; Corbado has signed it' })
  return end(await begun.answer(proof), 'answer with it')
}

/** The step that is to end a login: to be asked once more is no end. */
function endStep(step: string, stage: LoginStage): SignInStep {
  if (stage.kind === 'challenge') {
    return { step, ok: false, outcome: "refused: Cognito asks again; the gateway's line of it in the log says why" }
  }
  if (stage.kind === 'tokens') return { step, ok: true, outcome: `signed in: tokens of ${stage.username}` }
  return { step, ok: false, outcome: `refused: ${stage.error}: ${stage.message}` }
}

/** Has Corbado ask the gateway who that is; without a username, the app offers no passkey. */
async function preLogin(options: SignIn): Promise<{ step: SignInStep; username: string | undefined }> {
  const { identifier } = options.user
  const { userPoolId } = options.app
  // The gateway's own form; any other is shown as it is.
  const answer = (await ask(options, 'start', { userPoolId, identifier })) as unknown as ActionAnswer
  const { statusCode, body } = answer
  const step = 'pre-login'
  if (body.identifier) return { step: { step, ok: true, outcome: `${body.identifier}` }, username: body.identifier }
  const code = body.error?.code ?? ('code' in body ? body.code : undefined)
  return { step: { step, ok: false, outcome: `refused: ${statusCode} ${code}` }, username: undefined }
}

/**
 * Corbado tells the gateway that the user has a passkey now. What came of it, the answer does not say: the user's own factors
 * do, before and after.
 */
async function postAppend(
  options: SignIn,
  { username, accessToken }: Extract<LoginStage, { kind: 'tokens' }>,
): Promise<SignInStep> {
  const input = { userPoolId: options.app.userPoolId, username }
  const before = await factorsOf(options, accessToken)
  const { statusCode, body } = (await ask(options, 'append', input)) as unknown as ActionAnswer
  const step = 'post-append'
  if (statusCode !== 200) {
    const code = body.error?.code ?? ('code' in body ? body.code : undefined)
    return { step, ok: false, outcome: `refused: ${statusCode} ${code}` }
  }
  const after = await factorsOf(options, accessToken)
  const set = after.filter((factor) => !before.includes(factor))
  if (set.length > 0) return { step, ok: true, outcome: `a passkey was added, and the factor ${set.join(', ')} set` }
  const why =
    after.length > 0
      ? `the user had ${after.join(', ')} before`
      : "the tenant sets none, or this user cannot have it; the gateway's line of it in the log says which"
  return { step, ok: true, unchanged: true, outcome: `a passkey was added, and no factor set: ${why}` }
}

/** The factors that a user has, as the app can ask with the user's own token. */
async function factorsOf({ cognito }: Apps, accessToken: string): Promise<readonly string[]> {
  const answer = await fetch(cognito, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AWSCognitoIdentityProviderService.GetUser',
    },
    body: JSON.stringify({ AccessToken: accessToken }),
  })
  return textsOf(fieldAt(await answer.json(), 'UserMFASettingList'))
}

async function ask({ corbado }: Apps, path: keyof typeof LOGIN_PATHS, input: object): Promise<Record<string, unknown>> {
  const request = { method: 'POST', body: JSON.stringify(input) }
  const answer = await fetch(`${corbado}${LOGIN_PATHS[path]}`, request).catch((cause: unknown) => {
    throw new NotPossible('the embedded stack does not answer: npm start has ended', { cause })
  })
  const body: unknown = await answer.json()
  if (answer.ok && isFields(body)) return body
  throw new Error(`Corbado answered with ${answer.status}: ${JSON.stringify(body)}`)
}
