import { isFields } from '../../fields.js'
import { LOGIN_PATHS } from '../corbado/frontend.js'
import type { ActionAnswer } from './actions.js'
import type { App, Apps } from './apps.js'
import { type LoginStage, passwordLogin, startLogin } from './login.js'

export interface SignIn extends Apps {
  readonly app: App
  readonly user: App['users'][number]
  readonly flow: 'passkey' | 'password-then-passkey' | 'password'
}

/** A step of a login, and what came of it. */
interface SignInStep {
  readonly step: string
  readonly ok: boolean
  readonly outcome: string
}

interface SignInReport {
  readonly steps: readonly SignInStep[]
  readonly signedIn: boolean
}

/**
 * Signs a user in, step by step. If pre-login refuses, an app offers its other ways to sign in; here Cognito is asked all
 * the same, to show what an app gets that does not ask first.
 */
export async function signIn(options: SignIn): Promise<SignInReport> {
  const { app, user, flow, cognito } = options
  const { userPoolId, clientId } = app
  const steps: SignInStep[] = []
  const end = (stage: LoginStage, step: string): SignInReport => {
    steps.push(stageStep(step, stage))
    return { steps, signedIn: stage.kind === 'tokens' }
  }
  const login = { endpoint: cognito, userPoolId, clientId, username: user.identifier }
  if (flow === 'password') return end(await passwordLogin({ ...login, password: user.password }), 'password')

  const { step, username } = await preLogin(options)
  steps.push(step)
  const password = flow === 'password-then-passkey' ? user.password : undefined
  const begun = await startLogin({ ...login, username, password })
  if (begun.kind !== 'challenge') return end(begun, 'begin login')
  steps.push(stageStep('begin login', begun))
  const { signedPasskeyData } = await ask(options, 'finish', { projectId: app.projectId, username })
  const proof = String(signedPasskeyData)
  steps.push({ step: 'passkey', ok: true, outcome: 'used; Corbado has signed it' })
  return end(await begun.answer(proof), 'answer with it')
}

function stageStep(step: string, stage: LoginStage): SignInStep {
  if (stage.kind === 'challenge') return { step, ok: true, outcome: 'Cognito asks for the passkey' }
  if (stage.kind === 'tokens') return { step, ok: true, outcome: `signed in: tokens of ${stage.username}` }
  return { step, ok: false, outcome: `refused: ${stage.error}: ${stage.message}` }
}

/** Has Corbado ask the gateway who that is; if it does not say, the login goes on with what was typed. */
async function preLogin(options: SignIn): Promise<{ step: SignInStep; username: string }> {
  const { identifier } = options.user
  const { userPoolId } = options.app
  // The gateway's own form; any other is shown as it is.
  const answer = (await ask(options, 'start', { userPoolId, identifier })) as unknown as ActionAnswer
  const { statusCode, body } = answer
  const step = 'pre-login'
  if (body.identifier) return { step: { step, ok: true, outcome: `${body.identifier}` }, username: body.identifier }
  const code = body.error?.code ?? ('code' in body ? body.code : undefined)
  return { step: { step, ok: false, outcome: `refused: ${statusCode} ${code}` }, username: identifier }
}

async function ask({ corbado }: Apps, path: keyof typeof LOGIN_PATHS, input: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${corbado}${LOGIN_PATHS[path]}`, { method: 'POST', body: JSON.stringify(input) })
  const body: unknown = await answer.json()
  if (answer.ok && isFields(body)) return body
  throw new Error(`Corbado answered with ${answer.status}: ${JSON.stringify(body)}`)
}
