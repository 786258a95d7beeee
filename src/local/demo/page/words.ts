/** What the page says when something is refused, from the real reason. No document, no network. */

/** Something that this page itself has to say; its text is for the user. */
export class Told extends Error {
  constructor(
    readonly code: string,
    text: string,
  ) {
    super(text)
  }
}

/** What the user is told, and who said what behind it. */
export interface Said {
  readonly text: string
  readonly detail?: string
  readonly code: string
}

/** What was being tried: the same answer of Cognito means something else after a passkey than after a password. */
export type Attempt = 'passkey' | 'password' | 'code' | 'account' | 'passkey list'

export const REFUSED: Readonly<Record<Attempt, string>> = {
  passkey: 'Your passkey was not accepted, so you are not signed in. Try again, or use your password.',
  password: 'This name and password do not match an account.',
  code: 'This code is not the right one. Look at the newest message and try again.',
  account: 'That was not possible with this account.',
  'passkey list': 'Your passkeys could not be read. Sign in again.',
}

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

/** `ConnectErrorType` of Corbado's client. */
const CORBADO: Readonly<Record<number, string>> = {
  0: NOT_NOW,
  1: 'Passkeys do not answer at the moment. Use your password.',
  2: 'No passkey was used. Try again, or use your password.',
  3: NOT_NOW,
  4: 'This browser does not let this address use passkeys. Open the page as localhost.',
  5: 'This device has a passkey for this account already.',
  6: 'Passkeys do not answer at the moment. Use your password.',
}

/** Codes with which Corbado sends an app to its own sign-in. Those of pre-login that are silent do not reach the app. */
const FALLBACK: Readonly<Record<string, string>> = {
  user_not_found: 'There is no account with this name. Check it, or create an account.',
  no_cbo_user: 'This account has no passkey yet. Use your password; then you can create one.',
  identifier_not_whitelisted: 'Use your password.',
  unexpected_error: NOT_NOW,
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
  if (error instanceof Told) return { text: error.message, code: error.code }
  const { name, message, type } = partsOf(error)
  if (type !== undefined) {
    const text = CORBADO[type] ?? NOT_NOW
    const detail = message === undefined ? {} : { detail: `Corbado's client: ${message}` }
    return { text, code: `corbado_${type}`, ...detail }
  }
  const detail = `Cognito: ${[name, message].filter(Boolean).join(': ')}`
  if (FROM_TRIGGER.includes(name)) return { text: message ?? REFUSED[attempt], detail, code: name }
  if (name === 'NotAuthorizedException') return { text: REFUSED[attempt], detail, code: name }
  return { text: COGNITO[name] ?? `${REFUSED[attempt]} (${message ?? name})`, detail, code: name }
}

/** Errors come from two libraries, one of which throws plain objects with a number for a type. */
function partsOf(error: unknown): { name: string; message: string | undefined; type: number | undefined } {
  if (typeof error !== 'object' || error === null) return { name: 'Error', message: String(error), type: undefined }
  const name = 'name' in error && typeof error.name === 'string' ? error.name : 'Error'
  const message = 'message' in error && typeof error.message === 'string' ? error.message : undefined
  const type = 'type' in error && typeof error.type === 'number' ? error.type : undefined
  return { name, message, type }
}
