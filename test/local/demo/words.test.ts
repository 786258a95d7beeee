import t from 'tap'
import { type Attempt, fallbackText, NOT_NOW, REFUSED, Told, wordsOf } from '../../../src/local/demo/page/words.js'

const ATTEMPTS = Object.keys(REFUSED) as Attempt[]
const named = (name: string, message?: string) => Object.assign(new Error(message), { name })

t.test('what the gateway or Corbado wrote for users is what they read', async (t) => {
  t.equal(fallbackText('user_not_found', 'Nobody here has this name.'), 'Nobody here has this name.')
  t.equal(fallbackText('untyped', 'Please use your password.'), 'Please use your password.')
})

t.test('a reason that the app is not given is not made up', async (t) => {
  for (const code of [
    undefined,
    'no_passkey',
    'account_disabled',
    'force_change_password',
    'passkeys_off',
    'a_new_one',
  ])
    t.equal(fallbackText(code, undefined), NOT_NOW, String(code))
})

t.test('each code that an app is given has words, which say what to do next', async (t) => {
  for (const code of ['user_not_found', 'no_cbo_user', 'identifier_not_whitelisted', 'unexpected_error'])
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
  t.strictSame(wordsOf(new Told('session_ended', 'Your session has ended.'), 'passkey'), {
    text: 'Your session has ended.',
    code: 'session_ended',
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
  const texts = ATTEMPTS.map((attempt) => {
    const said = wordsOf(named('NotAuthorizedException', 'Incorrect username or password.'), attempt)
    t.match(said, { detail: 'Cognito: NotAuthorizedException: Incorrect username or password.' })
    return said.text
  })
  t.strictSame(texts, Object.values(REFUSED))
  t.equal(new Set(texts).size, ATTEMPTS.length, 'and no two are told alike')
})

t.test('what a trigger throws was written for users, and keeps its reference', async (t) => {
  const message = 'DefineAuthChallenge failed with error Please try again. (ref 5f3a).'
  for (const name of ['UserLambdaValidationException', 'UnexpectedLambdaException', 'InvalidLambdaResponseException'])
    t.match(wordsOf(named(name, message), 'passkey'), {
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
  t.equal(wordsOf(named('NewException', 'Something new.'), 'account').text, `${REFUSED.account} (Something new.)`)
  t.equal(wordsOf({ name: 'NewException' }, 'account').text, `${REFUSED.account} (NewException)`)
})

t.test('whatever is thrown, there are words', async (t) => {
  for (const thrown of ['a text', 7, null, undefined, {}])
    t.match(wordsOf(thrown, 'password'), { text: /^This name and password do not match an account\./, code: 'Error' })
})
