import { fieldAt, isFields, textAt, textsOf } from '../../fields.js'
import { inLine } from '../../terminal/clean.js'
import { NotPossible } from '../../terminal/failure.js'
import { parseJson } from '../aws/json.js'
import { LOGIN_PATHS } from '../corbado/frontend.js'
import type { App, Apps } from './apps.js'
import { type LoginStage, passwordLogin, startLogin, type Tokens } from './login.js'

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
  /** If it is. */
  readonly tokens?: Tokens
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
    steps.push(endStep(step, stage, app))
    if (stage.kind === 'tokens' && options.append) steps.push(await postAppend(options, stage))
    return stage.kind === 'tokens' ? { steps, signedIn: true, tokens: stage.tokens } : { steps, signedIn: false }
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
  const signed = await ask(options, 'finish', { projectId: app.projectId, username })
  if (typeof signed === 'string') {
    steps.push({ step: 'passkey', ok: false, outcome: `Corbado did not answer: ${signed}` })
    return { steps, signedIn: false }
  }
  const proof = String(signed.signedPasskeyData)
  steps.push({ step: 'passkey', ok: true, outcome: 'used; Corbado has signed it' })
  return end(await begun.answer(proof), 'answer with it')
}

/** The step that is to end a login: to be asked once more is no end. */
function endStep(step: string, stage: LoginStage, app: App): SignInStep {
  if (stage.kind === 'challenge') {
    return { step, ok: false, outcome: `refused: Cognito asks again; ${lineSays(app)}` }
  }
  if (stage.kind === 'tokens') return { step, ok: true, outcome: `signed in: tokens of ${stage.username}` }
  return { step, ok: false, outcome: `refused: ${stage.error}: ${stage.message}` }
}

/** Has Corbado ask the gateway who that is; without a username, the app offers no passkey. */
async function preLogin(options: SignIn): Promise<{ step: SignInStep; username: string | undefined }> {
  const { identifier } = options.user
  const { userPoolId } = options.app
  const step = 'pre-login'
  const answer = await ask(options, 'start', { userPoolId, identifier })
  const username = typeof answer === 'string' ? undefined : textAt(answer, 'body', 'identifier')
  if (username) return { step: { step, ok: true, outcome: username }, username }
  return { step: { step, ok: false, outcome: refusalOf(answer, options.app) }, username: undefined }
}

/** Where the reason is: by the pool, for what cannot be read knows no tenant. */
function lineSays({ userPoolId }: App, what = 'why'): string {
  return `the gateway's line says ${what}: corbado-gateway logs --pool ${userPoolId} --last 5`
}

/** Why an action did not do what it is for: nothing came of it, or the gateway's own form of a refusal. */
function refusalOf(answer: Record<string, unknown> | string, app: App): string {
  if (typeof answer === 'string') return `the gateway did not answer: ${answer}`
  const status = fieldAt(answer, 'statusCode')
  const code = textAt(answer, 'body', 'error', 'code') ?? textAt(answer, 'body', 'code')
  // A fault, or what the user shall not be told: the code is the same for all of them.
  if (code !== 'untyped' && typeof status === 'number' && status < 500) return `refused: ${status} ${code}`
  const said = textAt(answer, 'body', 'error', 'message')
  return `refused: ${status} ${code}${said ? ` ("${said}")` : ''}; ${lineSays(app)}`
}

/**
 * Corbado tells the gateway that the user has a passkey now. What came of it, the answer does not say: the user's own factors
 * do, before and after.
 */
async function postAppend(
  options: SignIn,
  { username, tokens: { accessToken } }: Extract<LoginStage, { kind: 'tokens' }>,
): Promise<SignInStep> {
  const input = { userPoolId: options.app.userPoolId, username }
  const before = await factorsOf(options, accessToken)
  const answer = await ask(options, 'append', input)
  const step = 'post-append'
  if (typeof answer === 'string' || answer.statusCode !== 200)
    return { step, ok: false, outcome: refusalOf(answer, options.app) }
  const after = await factorsOf(options, accessToken)
  const set = after.filter((factor) => !before.includes(factor))
  if (set.length > 0) return { step, ok: true, outcome: `a passkey was added, and the factor ${set.join(', ')} set` }
  const why =
    after.length > 0
      ? `the user had ${after.join(', ')} before`
      : `the tenant sets none, or this user cannot have it; ${lineSays(options.app, 'which')}`
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

/**
 * Asks what the embedded stack has of Corbado; a text says why nothing came of it.
 * @throws NotPossible if there is no such stack any more
 */
async function ask(
  { corbado }: Apps,
  path: keyof typeof LOGIN_PATHS,
  input: object,
): Promise<Record<string, unknown> | string> {
  const request = { method: 'POST', body: JSON.stringify(input) }
  const answer = await fetch(`${corbado}${LOGIN_PATHS[path]}`, request).catch((cause: unknown) => {
    throw new NotPossible('the embedded stack does not answer: npm start has ended', { cause })
  })
  const text = await answer.text()
  const body = parseJson(text)
  if (answer.ok && isFields(body)) return body
  const failed = answer.headers.get('x-stand-in-error')
  // What was thrown inside: the words are for people, its class is not.
  const cause = failed === null ? textAt(body, 'error') : decodeURIComponent(failed).replace(/^\w*Error: /, '')
  return inLine(cause ?? `status ${answer.status}: ${text.slice(0, 200)}`)
}
