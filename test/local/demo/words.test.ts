import t from 'tap'
import {
  type Attempt,
  fallbackText,
  NOT_NOW,
  REFUSED,
  sessionEnded,
  Told,
  toldOf,
  wordsOf,
} from '../../../src/local/demo/page/words.js'

const ATTEMPTS = Object.keys(REFUSED) as Attempt[]
const named = (name: string, message?: string) => Object.assign(new Error(message), { name })
/** As Amplify throws what Cognito answered. */
const ofCognito = (name: string, message?: string) =>
  Object.assign(named(name, message), { metadata: { httpStatusCode: 400 } })

t.test('what the gateway or Corbado wrote for users is what they read', async (t) => {
  t.equal(fallbackText('user_not_found', 'Nobody here has this name.'), 'Nobody here has this name.')
  t.equal(fallbackText('untyped', 'Please use your password.'), 'Please use your password.')
})

t.test('a reason that the app is not given is not made up', async (t) => {
  for (const code of [
    undefined,
    'no_passkey',
    'account_disabled',
    'no_cbo_user',
    'force_change_password',
    'passkeys_off',
    'a_new_one',
  ])
    t.equal(fallbackText(code, undefined), NOT_NOW, String(code))
})

t.test('each code that an app is given has words, which say what to do next', async (t) => {
  for (const code of ['user_not_found', 'unexpected_error'])
    t.match(fallbackText(code, undefined), /Check it|[Uu]se your password/, code)
  t.match(fallbackText('user_not_found', ''), 'There is no account with this name.', 'an empty text is none')
})

t.test("a passkey that the browser offered is told of in the page's words, as Corbado's name no cause", async (t) => {
  t.match(
    fallbackText('cui_credential_deleted', 'credential deleted'),
    /opens nothing here.*another program on localhost/,
  )
  t.match(fallbackText('cui_alternative_project_id', 'x'), 'belongs to another app')
  t.equal(fallbackText('cui_of_tomorrow', 'x'), 'This passkey opens nothing here.')
})

t.test('what the page itself has to say is told as it is', async (t) => {
  t.strictSame(wordsOf(new Told('code_refused', 'Try again.'), 'passkey'), { text: 'Try again.', code: 'code_refused' })
  const ended = { text: 'Your session has ended. Sign in again.', code: 'session_ended', over: true } as const
  t.strictSame(wordsOf(sessionEnded(), 'create passkey'), ended)
  t.strictSame(wordsOf(toldOf(sessionEnded(), 'list passkeys'), 'create passkey'), ended, 'through whatever it passes')
})

t.test('who has typed the password is not told to use it', async (t) => {
  for (const thrown of [{ type: 2 }, { type: 0 }, { type: 1 }, new Told('unexpected_error', NOT_NOW)])
    for (const attempt of ['password', 'second passkey', 'code'] as const)
      t.match(wordsOf(thrown, attempt).text, /[Uu]se the password alone\./)
})

t.test('who is signed in is told of their passkeys, and nothing about signing in', async (t) => {
  const attempts = ['create passkey', 'list passkeys', 'delete passkey'] as const
  const thrown = [0, 1, 2, 3, 6, 99].map((type) => ({ type, message: 'Network Error' }))
  const server = named('GW_ERR_UPSTREAM_UNAUTHORIZED', 'Sign-in with a passkey is not available right now.')
  for (const attempt of attempts) {
    for (const one of [...thrown, server, new TypeError('undefined is no function')])
      t.equal(wordsOf(one, attempt).text, REFUSED[attempt])
    t.notMatch(REFUSED[attempt], /sign/i)
    t.match(wordsOf({ type: 5 }, attempt).text, 'has a passkey for this account')
  }
})

t.test('a code cannot be wrong if the sign-in that asked for it is over', async (t) => {
  for (const thrown of [
    ofCognito('NotAuthorizedException', 'Incorrect username or password.'),
    ofCognito('NotAuthorizedException', 'Invalid session for the user.'),
    named('SignInException', 'An error occurred during the sign in process. It most likely occurred due to: 1. …'),
  ])
    t.strictSame(wordsOf(thrown, 'code'), {
      text: 'This sign-in has ended. Start again.',
      code: thrown.name,
      over: true,
    })
})

t.test("each error of Corbado's client has words, and its own text stands behind them", async (t) => {
  for (const type of [0, 1, 2, 3, 4, 5, 6, 99]) {
    const said = wordsOf({ type, message: 'Network Error' }, 'passkey')
    t.match(said, { code: `corbado_${type}`, detail: "Corbado's client: Network Error" })
    t.match(said.text, /^[A-Z].*\.$/)
  }
  t.match(wordsOf({ type: 5 }, 'passkey'), { text: /has a passkey for this account/, detail: undefined })
  t.equal(wordsOf({ type: 99 }, 'passkey').text, NOT_NOW)
})

t.test('a refusal of Cognito means what was tried', async (t) => {
  for (const attempt of ATTEMPTS.filter((one) => one !== 'code')) {
    const said = wordsOf(ofCognito('NotAuthorizedException', 'Incorrect username or password.'), attempt)
    t.match(said, { detail: 'Cognito: NotAuthorizedException: Incorrect username or password.', over: undefined })
    t.equal(said.text, REFUSED[attempt])
  }
  t.equal(new Set(Object.values(REFUSED)).size, ATTEMPTS.length, 'and no two are told alike')
})

t.test('what a trigger throws was written for users, and keeps its reference', async (t) => {
  const message = 'DefineAuthChallenge failed with error Please try again. (ref 5f3a).'
  for (const name of ['UserLambdaValidationException', 'UnexpectedLambdaException', 'InvalidLambdaResponseException'])
    t.match(wordsOf(ofCognito(name, message), 'passkey'), {
      text: message,
      code: name,
      detail: `Cognito: ${name}: ${message}`,
    })
})

t.test('every other error of Cognito has words of its own, or shows what Cognito said', async (t) => {
  const known = {
    UsernameExistsException: 'Sign in instead.',
    CodeMismatchException: 'not the right one',
    EnableSoftwareTokenMFAException: 'not the right one',
    ExpiredCodeException: 'Ask for another one.',
    LimitExceededException: 'Wait a little',
    NetworkError: 'cannot reach its server',
  }
  for (const [name, words] of Object.entries(known)) t.match(wordsOf(named(name, 'x'), 'code').text, words, name)
  t.equal(wordsOf(ofCognito('NewException', 'Something new.'), 'account').text, `${REFUSED.account} (Something new.)`)
  t.equal(wordsOf({ name: 'NewException', metadata: {} }, 'account').text, `${REFUSED.account} (NewException)`)
})

t.test("what Cognito has not said is not called Cognito's", async (t) => {
  const thrown = new TypeError('PublicKeyCredential is undefined')
  t.strictSame(wordsOf(thrown, 'account'), {
    text: REFUSED.account,
    detail: 'TypeError: PublicKeyCredential is undefined',
    code: 'TypeError',
  })
  t.equal(wordsOf(named('NetworkError', 'A network error.'), 'account').detail, 'NetworkError: A network error.')
})

t.test('whatever is thrown, there are words', async (t) => {
  for (const thrown of ['a text', 7, null, undefined, {}])
    t.match(wordsOf(thrown, 'password'), { text: /^This name and password do not match an account\./, code: 'Error' })
})
