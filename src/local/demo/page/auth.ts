/** The app's own sign-in at Cognito, with aws-amplify as apps use it. One tenant at a time: Amplify has one configuration. */
import { Amplify } from 'aws-amplify'
import {
  type AuthUser,
  confirmResetPassword,
  confirmSignIn,
  confirmSignUp,
  fetchAuthSession,
  getCurrentUser,
  resendSignUpCode,
  resetPassword,
  type SignInInput,
  type SignInOutput,
  setUpTOTP,
  signIn,
  signOut,
  signUp,
  verifyTOTPSetup,
} from 'aws-amplify/auth'
import { ConsoleLogger } from 'aws-amplify/utils'
import { type DemoTenant, PATHS, tabPath } from '../api.js'
import { TAB } from './ask.js'
import { Told } from './words.js'

// It warns of an endpoint of one's own at each start, which here is on purpose.
ConsoleLogger.LOG_LEVEL = 'ERROR'

/** What Cognito wants next. */
export type Step =
  | { readonly kind: 'done' }
  | { readonly kind: 'challenge' }
  | { readonly kind: 'code'; readonly from: 'sms' | 'email' | 'authenticator'; readonly to: string | undefined }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'reset' }

/** Who is signed in, from the ID token. */
export interface Session {
  readonly username: string
  readonly email: string | undefined
  readonly idToken: string
  /** The token's claims, for people. */
  readonly claims: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch. */
  readonly endsAt: number
}

/** What somebody types to get an account. */
export interface NewAccount {
  readonly email: string
  readonly phone?: string
  readonly password: string
}

const CLIENT = 'demo_client'

/** Makes this tenant's user pool the one that Amplify talks to; the client that a session was begun with is remembered. */
export function useTenant(tenant: DemoTenant): void {
  const remembered = localStorage.getItem(`${CLIENT}-${tenant.tenantId}`)
  configure(tenant, remembered === tenant.ownCode?.clientId ? tenant.ownCode?.clientId : undefined)
}

function configure({ tenantId, userPoolId, clientId }: DemoTenant, other: string | undefined): void {
  localStorage.setItem(`${CLIENT}-${tenantId}`, other ?? clientId)
  const userPoolEndpoint = `${location.origin}${PATHS.cognito}${tabPath(TAB)}`
  Amplify.configure({ Auth: { Cognito: { userPoolId, userPoolClientId: other ?? clientId, userPoolEndpoint } } })
}

/** Begins a sign-in. Tokens that nobody can use any more, or another account's, would keep Amplify from it: they go first. */
async function begin(input: SignInInput): Promise<Step> {
  try {
    return stepOf(await signIn(input))
  } catch (error) {
    if (!(error instanceof Error && error.name === 'UserAlreadyAuthenticatedException')) throw error
    await signOut()
    return stepOf(await signIn(input))
  }
}

/** By password alone, as apps without passkeys do it (SRP: the password does not leave the browser). */
export async function passwordSignIn(tenant: DemoTenant, username: string, password: string): Promise<Step> {
  configure(tenant, undefined)
  return begin({ username, password, options: { authFlowType: 'USER_SRP_AUTH' } })
}

/** Begins a login that the gateway's triggers decide: by passkey, or by password and passkey if there is a password. */
export async function beginLogin(tenant: DemoTenant, username: string, password?: string): Promise<Step> {
  configure(tenant, undefined)
  if (password === undefined) return begin({ username, options: { authFlowType: 'CUSTOM_WITHOUT_SRP' } })
  return begin({ username, password, options: { authFlowType: 'CUSTOM_WITH_SRP' } })
}

/** Begins the customer's own sign-in by one-time code, through an app client of its own. */
export async function beginOwnCode(tenant: DemoTenant, username: string): Promise<Step> {
  configure(tenant, tenant.ownCode?.clientId)
  return begin({ username, options: { authFlowType: 'CUSTOM_WITHOUT_SRP' } })
}

/** Answers what Cognito asked last: with a proof, or with a code. */
export async function answer(challengeResponse: string): Promise<Step> {
  return stepOf(await confirmSignIn({ challengeResponse }))
}

function stepOf({ nextStep }: SignInOutput): Step {
  switch (nextStep.signInStep) {
    case 'DONE':
      return { kind: 'done' }
    case 'CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE':
      return { kind: 'challenge' }
    case 'CONFIRM_SIGN_IN_WITH_SMS_CODE':
      return { kind: 'code', from: 'sms', to: nextStep.codeDeliveryDetails?.destination }
    case 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE':
      return { kind: 'code', from: 'email', to: nextStep.codeDeliveryDetails?.destination }
    case 'CONFIRM_SIGN_IN_WITH_TOTP_CODE':
      return { kind: 'code', from: 'authenticator', to: undefined }
    case 'CONFIRM_SIGN_UP':
      return { kind: 'confirm' }
    case 'RESET_PASSWORD':
      return { kind: 'reset' }
    default:
      throw new Told('unknown_step', `Cognito asks for something that this app cannot do: ${nextStep.signInStep}.`)
  }
}

/** Creates an account; a code goes to its address. Answers the name under which it is confirmed. */
export async function createAccount(tenant: DemoTenant, { email, phone, password }: NewAccount): Promise<string> {
  configure(tenant, undefined)
  const byEmail = tenant.signUp === 'email'
  const username = byEmail ? email : `${tenant.usernamePrefix}${crypto.randomUUID().slice(0, 6)}`
  const userAttributes = { email, ...(phone !== undefined && { phone_number: phone }) }
  await signUp({ username, password, options: { userAttributes } })
  return username
}

/** Confirms a new account. */
export async function confirmAccount(username: string, confirmationCode: string): Promise<void> {
  await confirmSignUp({ username, confirmationCode })
}

/** Sends a new account's code again. */
export async function sendCodeAgain(username: string): Promise<void> {
  await resendSignUpCode({ username })
}

/** Sends a code for another password; answers how, in words. */
export async function forgetPassword(tenant: DemoTenant, username: string): Promise<'SMS' | 'e-mail'> {
  configure(tenant, undefined)
  const { nextStep } = await resetPassword({ username })
  return nextStep.codeDeliveryDetails.deliveryMedium === 'SMS' ? 'SMS' : 'e-mail'
}

/** Sets another password. */
export async function setPassword(username: string, confirmationCode: string, newPassword: string): Promise<void> {
  await confirmResetPassword({ username, confirmationCode, newPassword })
}

/** Begins to add an authenticator app; answers the secret that the app is given. */
export async function offerAuthenticator(): Promise<string> {
  return (await setUpTOTP()).sharedSecret
}

/** Adds the app that shows this code. */
export async function confirmAuthenticator(code: string): Promise<void> {
  await verifyTOTPSetup({ code })
}

/** Who is signed in; undefined if nobody is, or if the session has ended. */
export async function currentSession(options: { renew?: boolean } = {}): Promise<Session | undefined> {
  const user: AuthUser | undefined = await getCurrentUser().catch(() => undefined)
  if (user === undefined) return undefined
  const { tokens } = await fetchAuthSession({ forceRefresh: options.renew ?? false })
  const idToken = tokens?.idToken
  if (idToken === undefined) return undefined
  const { payload } = idToken
  const { email } = payload
  return {
    username: String(payload['cognito:username']),
    email: typeof email === 'string' ? email : undefined,
    idToken: idToken.toString(),
    claims: payload,
    endsAt: (payload.exp ?? 0) * 1_000,
  }
}

/** Are there tokens of this tenant's app, whatever they are worth? */
export function hasTokens(): boolean {
  const { userPoolClientId } = Amplify.getConfig().Auth?.Cognito ?? {}
  return localStorage.getItem(`CognitoIdentityServiceProvider.${userPoolClientId}.LastAuthUser`) !== null
}

/** Ends the session here; Cognito is told to forget its refresh token. */
export async function endSession(): Promise<void> {
  await signOut()
}
