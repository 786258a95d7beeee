import { AuthenticationDetails, CognitoUser, CognitoUserPool, type ICognitoStorage } from 'amazon-cognito-identity-js'
import { useFastPowers } from './big-integer.js'

/** What a login ends with. */
export interface Tokens {
  readonly idToken: string
  readonly accessToken: string
}

/** How far a login has come, as the user's app sees it. */
export type LoginStage =
  | { readonly kind: 'challenge'; answer(proof: string): Promise<LoginStage> }
  | { readonly kind: 'tokens'; readonly username: string; readonly tokens: Tokens }
  /** `error` is Cognito's name of it, `message` its text, which users may see. */
  | { readonly kind: 'refused'; readonly error: string; readonly message: string }

/** How far a login has come, in words. */
export function stageText(stage: LoginStage): string {
  if (stage.kind === 'refused') return `refused: ${stage.error}`
  return stage.kind === 'tokens' ? `tokens of ${stage.username}` : 'passkey asked for'
}

interface LoginOptions {
  /** Cognito's address. */
  readonly endpoint: string
  readonly userPoolId: string
  readonly clientId: string
  readonly username: string
  /** Proved by SRP before the passkey is asked for; without one, the passkey is all. */
  readonly password?: string | undefined
}

/** Begins a login in the custom auth flow, with the client that customers' own apps use. */
export function startLogin(options: LoginOptions): Promise<LoginStage> {
  return begin(options, 'CUSTOM_AUTH')
}

/** A login by password alone, as apps without passkeys do it. */
export function passwordLogin(options: LoginOptions & { readonly password: string }): Promise<LoginStage> {
  return begin(options, 'USER_PASSWORD_AUTH')
}

function begin({ endpoint, userPoolId, clientId, username, password }: LoginOptions, flow: string) {
  useFastPowers()
  const Storage = createStorage()
  const pool = new CognitoUserPool({ UserPoolId: userPoolId, ClientId: clientId, endpoint, Storage })
  const user = new CognitoUser({ Username: username, Pool: pool, Storage })
  user.setAuthenticationFlowType(flow)
  const details = new AuthenticationDetails({
    Username: username,
    ...(password !== undefined && { Password: password }),
  })
  return stageOf(user, (callbacks) => {
    if (password === undefined) user.initiateAuth(details, callbacks)
    else user.authenticateUser(details, callbacks)
  })
}

type Callbacks = Parameters<CognitoUser['initiateAuth']>[1]

function stageOf(user: CognitoUser, act: (callbacks: Callbacks) => void): Promise<LoginStage> {
  return new Promise((resolve) => {
    act({
      onSuccess: (session) =>
        resolve({
          kind: 'tokens',
          username: String(session.getIdToken().payload['cognito:username']),
          tokens: { idToken: session.getIdToken().getJwtToken(), accessToken: session.getAccessToken().getJwtToken() },
        }),
      onFailure: ({ name = 'unknown', message = '' }: { name?: string; message?: string }) =>
        resolve({ kind: 'refused', error: name, message }),
      mfaRequired: () => resolve(factorAsked('SMS_MFA')),
      totpRequired: () => resolve(factorAsked('SOFTWARE_TOKEN_MFA')),
      customChallenge: () =>
        resolve({
          kind: 'challenge',
          answer: (proof) => stageOf(user, (callbacks) => user.sendCustomChallengeAnswer(proof, callbacks)),
        }),
    })
  })
}

/** A code that nobody here can read: the login ends where the user would type it. */
function factorAsked(factor: string): LoginStage {
  return { kind: 'refused', error: factor, message: 'Cognito asks for a code as second factor' }
}

/** The client keeps its tokens in a browser's storage; this one ends with the login. */
function createStorage(): ICognitoStorage {
  const items = new Map<string, string>()
  return {
    setItem: (key, value) => void items.set(key, value),
    getItem: (key) => items.get(key) ?? null,
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  }
}
