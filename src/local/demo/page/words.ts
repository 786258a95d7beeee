/** What the page says when something is refused, from the real reason. No document, no network. */

/** What stands beside a text. */
interface Beside {
  /** Who said what behind it. */
  readonly detail?: string
  /** Nothing goes on from here: the page leads back to the sign-in, which begins with the text. */
  readonly over?: true
}

/** Something that this page itself has to say; its text is for the user. */
export class Told extends Error {
  constructor(
    readonly code: string,
    text: string,
    readonly beside: Beside = {},
  ) {
    super(text)
  }
}

/** What the user is told. */
export interface Said extends Beside {
  readonly text: string
  readonly code: string
}

/**
 * What was being tried: the same answer of Cognito means something else after a passkey than after a password. `code` is one
 * that a sign-in asks for; `second passkey` is asked for after the password.
 */
export type Attempt =
  | 'passkey'
  | 'second passkey'
  | 'password'
  | 'code'
  | 'account'
  | 'create passkey'
  | 'list passkeys'
  | 'delete passkey'

export const REFUSED: Readonly<Record<Attempt, string>> = {
  passkey: 'Your passkey was not accepted, so you are not signed in. Try again, or use your password.',
  'second passkey': 'Your passkey was not accepted, so you are not signed in. Try again, or use the password alone.',
  password: 'This name and password do not match an account.',
  code: 'This code could not be checked. Try again.',
  account: 'That was not possible with this account.',
  'create passkey': 'No passkey was created. Try again.',
  'list passkeys': 'Your passkeys could not be read. Try again.',
  'delete passkey': 'The passkey was not deleted. Try again.',
}

/** Of who is signed in, so no word about signing in with a passkey is theirs. */
const MANAGING: readonly Attempt[] = ['create passkey', 'list passkeys', 'delete passkey']

/** The tokens have ended, and cannot be renewed. */
export const sessionEnded = () => new Told('session_ended', 'Your session has ended. Sign in again.', { over: true })

/** Cognito's for a session that takes no code any more, and Amplify's if it has none. */
const OVER = ['NotAuthorizedException', 'SignInException']
const SIGN_IN_ENDED = 'This sign-in has ended. Start again.'

/** Cognito's errors by name, in the words of an app. */
const COGNITO: Readonly<Record<string, string>> = {
  UsernameExistsException: 'There is an account with this address already. Sign in instead.',
  AliasExistsException: 'There is an account with this address already. Sign in instead.',
  UserNotFoundException: 'There is no account with this name.',
  UserNotConfirmedException: 'This account still waits for its code.',
  CodeMismatchException: 'This code is not the right one. Look at the newest message and try again.',
  EnableSoftwareTokenMFAException: 'This code is not the right one. Look at the newest one and try again.',
  ExpiredCodeException: 'This code has ended. Ask for another one.',
  InvalidPasswordException: 'This password does not meet the rules of this app.',
  InvalidParameterException: 'Something in this form is not as it should be.',
  LimitExceededException: 'That was tried too often. Wait a little, then try again.',
  TooManyRequestsException: 'That was tried too often. Wait a little, then try again.',
  TooManyFailedAttemptsException: 'That was tried too often. Wait a little, then try again.',
  PasswordResetRequiredException: 'This password has to be set again first.',
  NetworkError: 'The app cannot reach its server.',
}

/** Cognito passes on what a trigger throws: the gateway wrote it for users, with a reference for the engineer on call. */
const FROM_TRIGGER = ['UserLambdaValidationException', 'UnexpectedLambdaException', 'InvalidLambdaResponseException']

/** True of whatever the reason is, as the app is not always given one. */
export const NOT_NOW = 'Signing in with a passkey is not possible right now. Use your password.'

/** `ConnectErrorType` of Corbado's client; the two that are true of whatever was tried say what to do. */
const MANAGED: Readonly<Record<number, string>> = {
  4: 'This browser does not let this address use passkeys. Open the page as localhost.',
  5: 'This device has a passkey for this account already.',
}
const CORBADO: Readonly<Record<number, string>> = {
  ...MANAGED,
  1: 'Passkeys do not answer at the moment. Use your password.',
  2: 'No passkey was used. Try again, or use your password.',
  6: 'Passkeys do not answer at the moment. Use your password.',
}

/** Codes with which Corbado sends an app to its own sign-in. Those that are silent do not reach the app. */
const FALLBACK: Readonly<Record<string, string>> = {
  user_not_found: 'There is no account with this name. Check it, or create an account.',
  cui_credential_deleted:
    'This passkey opens nothing here. It is of an earlier start of this demo, or of another program on localhost: your browser offers the passkeys of all of them. Use another one, or your password.',
  cui_alternative_project_id:
    'This passkey belongs to another app on localhost. Choose another one, or use your password.',
}

/** The words for a code of Corbado's; `message` is what the action or Corbado gave for users, and goes first. */
export function fallbackText(code: string | undefined, message: string | undefined): string {
  if (code?.startsWith('cui_')) return FALLBACK[code] ?? 'This passkey opens nothing here.'
  if (message) return message
  return FALLBACK[code ?? ''] ?? NOT_NOW
}

/** The words for what was thrown or answered in an attempt. */
export function wordsOf(error: unknown, attempt: Attempt): Said {
  const said = saidOf(error, attempt)
  if (attempt === 'passkey') return said
  // It has been typed already.
  return { ...said, text: said.text.replace(/(u)se your password/i, '$1se the password alone') }
}

/** The same, to be thrown on. */
export function toldOf(error: unknown, attempt: Attempt, more: Beside = {}): Told {
  const { text, code, ...beside } = wordsOf(error, attempt)
  return new Told(code, text, { ...beside, ...more })
}

function saidOf(error: unknown, attempt: Attempt): Said {
  if (error instanceof Told) return { text: error.message, code: error.code, ...error.beside }
  const { name, message, type, ofCognito } = partsOf(error)
  if (type !== undefined) {
    const general = MANAGING.includes(attempt) ? REFUSED[attempt] : NOT_NOW
    const text = (MANAGING.includes(attempt) ? MANAGED : CORBADO)[type] ?? general
    const detail = message === undefined ? {} : { detail: `Corbado's client: ${message}` }
    return { text, code: `corbado_${type}`, ...detail }
  }
  // Amplify's own text is a page for developers.
  if (attempt === 'code' && OVER.includes(name)) return { text: SIGN_IN_ENDED, code: name, over: true }
  const said = [name, message].filter(Boolean).join(': ')
  if (!ofCognito) return { text: COGNITO[name] ?? REFUSED[attempt], detail: said, code: name }
  const detail = `Cognito: ${said}`
  if (FROM_TRIGGER.includes(name)) return { text: message ?? REFUSED[attempt], detail, code: name }
  if (name === 'NotAuthorizedException') return { text: REFUSED[attempt], detail, code: name }
  return { text: COGNITO[name] ?? `${REFUSED[attempt]} (${message ?? name})`, detail, code: name }
}

/** Errors come from two libraries, one of which throws plain objects with a number for a type. */
function partsOf(error: unknown) {
  const { name, message, type, metadata } = (error ?? {}) as Readonly<Record<string, unknown>>
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : typeof error === 'object' ? undefined : String(error),
    type: typeof type === 'number' ? type : undefined,
    /** Amplify keeps what came with an answer; its own errors have none. */
    ofCognito: metadata !== undefined,
  }
}
