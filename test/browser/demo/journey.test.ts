/** The guide's application as a person goes through it, with each of the example tenants. Its time is printed, and decides nothing. */
import { copyFileSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { PICTURES, personOf, somePort, startDemo } from '../fixtures/demo.js'
import {
  assertNoBarriers,
  assertQuiet,
  createPasskey,
  HELLO,
  happened,
  LOGIN,
  listAddDelete,
  OFFER,
  signInByName,
  signInByOneTap,
  signInByPassword,
  signInBySuggestion,
  signUp,
  TRIGGERS,
} from '../fixtures/steps.js'
import { type Visitor, visit } from '../fixtures/visitor.js'

/** Of README.md. */
const PICTURE = 'src/local/demo/picture.png'

const browser = await openBrowser(t)
const demo = await startDemo(t, somePort())
t.comment(`the page's address after ${Math.round(demo.readyMs)} ms`)

t.test('a shop: sign up, add a passkey, three ways in, list, add, delete, password and SMS', async (t) => {
  const began = performance.now()
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, takeCode } = visitor
  await page.goto(`${demo.url}/#/acme-shop/sign-in`)
  await sees('Sign in')
  t.comment(`first paint after ${await firstPaint(visitor)} ms`)
  const { email, password } = await signUp(visitor)
  await createPasskey(t, visitor)
  await signInByOneTap(t, visitor, email)
  await page.setViewportSize({ width: 1_100, height: 720 })
  await visitor.shoot(join(PICTURES, 'readme.png'), { full: false })
  if (process.env.WALK_UPDATE) copyFileSync(join(PICTURES, 'readme.png'), PICTURE)
  await signInByName(t, visitor, email)
  await signInBySuggestion(t, visitor)
  await listAddDelete(t, visitor, 1)
  // With the one that is left.
  await signInByOneTap(t, visitor, email)

  // The password needs a code by now.
  await press('Sign out')
  await press('Use your password')
  await sees('Your password')
  await types('E-mail address', email)
  await types('Password', password)
  await press('Sign in')
  await sees('We sent you a code')
  await takeCode()
  await press('Continue')
  await sees(OFFER)
  await press('Not now')
  await sees(HELLO)
  await press('Renew the session')
  await page.getByRole('status').getByText('Your session is renewed.').waitFor()
  assertQuiet(t, visitor)
  t.comment(`a shop: the journey took ${Math.round(performance.now() - began)} ms`)
})

t.test('a bank: sign up, an app for codes, then password, code and passkey; list, add, delete', async (t) => {
  const began = performance.now()
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, takeCode } = visitor
  await page.goto(`${demo.url}/#/globex-bank/sign-in`)
  await sees('Sign in')
  const { identifier, password } = await signUp(visitor)
  await press('Not now')
  await sees(HELLO)

  // Post-append makes the app the factor of whoever has one.
  await press('Add an authenticator app')
  await sees('Add an authenticator app')
  await types('Code', '000000')
  await press('Add the app')
  await page.getByRole('alert').getByText('This code is not the right one').waitFor()
  await takeCode()
  await press('Add the app')
  await page.getByRole('status').getByText('Your authenticator app is added.').waitFor()
  await page.goto(`${demo.url}/#/globex-bank/append`)
  await sees(OFFER)
  await createPasskey(t, visitor)

  async function signIn(button: string): Promise<void> {
    await press('Sign out')
    await sees('Sign in')
    if (button !== 'Sign in') {
      await press(button)
      await sees('Your password')
    }
    await types('User name', identifier)
    await types('Password', password)
    await press('Sign in')
    await sees('The code of your app')
    await takeCode()
    await press('Continue')
  }
  await signIn('Sign in')
  await sees(HELLO)
  await happened(t, visitor, 'Answer with the code of the app', TRIGGERS)
  await listAddDelete(t, visitor, 1)
  await signIn('Sign in')
  await sees(HELLO)
  await happened(t, visitor, 'Answer with the code of the app', TRIGGERS)
  await signIn('Use the password alone')
  await sees(OFFER)
  assertQuiet(t, visitor)
  t.comment(`a bank: the journey took ${Math.round(performance.now() - began)} ms`)
})

t.test('a portal: sign up, its own code by mail, add a passkey, three ways in, list, add, delete', async (t) => {
  const began = performance.now()
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, takeCode } = visitor
  await page.goto(`${demo.url}/#/initech-portal/sign-in`)
  await sees('Sign in')
  const { email, password } = await signUp(visitor)
  await press('Not now')
  await sees(HELLO)

  await press('Sign out')
  await sees('Sign in')
  await types('E-mail address', email)
  await press('Send me a code instead')
  await sees('We sent you a code')
  await types('Code', '000')
  await press('Continue')
  await page.getByRole('alert').getByText('This code is not the right one').waitFor()
  await takeCode()
  await press('Continue')
  await sees(OFFER)
  await happened(t, visitor, 'Answer with the code of Initech Portal', ['verify-auth-challenge-response'])
  // The session of the portal's older app adds a passkey too.
  await createPasskey(t, visitor)
  await signInByOneTap(t, visitor, email)
  await signInByName(t, visitor, email)
  await signInBySuggestion(t, visitor)
  await listAddDelete(t, visitor, 0)

  // Whoever has no passkey any more has the password, which needs nothing else at this one.
  await press('Sign out')
  await sees(/^Sign in$|^Welcome back$/)
  await press('Use your password')
  await sees('Your password')
  await types('E-mail address', email)
  await types('Password', password)
  await press('Sign in')
  await sees(OFFER)
  assertQuiet(t, visitor)
  t.comment(`a portal: the journey took ${Math.round(performance.now() - began)} ms`)
})

t.test(
  'a bank: who has an app for codes, but no passkey yet; and a passkey that is refused after the code',
  async (t) => {
    const visitor = await visit(t, browser, demo.url)
    const { page, press, sees, types, takeCode } = visitor
    await page.goto(`${demo.url}/#/globex-bank/sign-in`)
    await sees('Sign in')
    const { identifier, password } = await personOf(demo, 'globex-bank')
    const signIn = async () => {
      await types('User name', identifier)
      await types('Password', password)
      await press('Sign in')
    }
    const answerWithCode = async () => {
      await sees('The code of your app')
      await takeCode()
      await press('Continue')
    }
    // Without a passkey the app goes on with the password alone, and whatever that needs.
    await signIn()
    await sees(/Sign in faster next time|The code of your app/)
    if (await page.getByRole('heading', { name: 'The code of your app' }).isVisible()) await answerWithCode()
    await sees(OFFER)
    await createPasskey(t, visitor)

    // A passkey that is refused after the code leads back, as Cognito would take the next code for a passkey.
    await press('Sign out')
    await sees('Sign in')
    await page.getByRole('button', { name: 'Proof used before', exact: true }).click()
    await page.locator('#provoke [aria-pressed="true"]').waitFor()
    await signIn()
    await answerWithCode()
    await sees('Sign in')
    await page.getByRole('status').getByText('Your passkey was not accepted').waitFor()
    t.equal(await page.getByRole('alert').innerText(), '', 'told once')
    assertQuiet(t, visitor)
  },
)

t.test('a forgotten password is set again', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, takeCode } = visitor
  await page.goto(`${demo.url}/#/acme-shop/forgot`)
  await sees('Forgotten your password?')
  await types('E-mail address', (await personOf(demo, 'acme-shop', 1)).identifier)
  await press('Send a code')
  await sees('Set another password')
  await page.getByText('We sent it by SMS.').waitFor()
  await takeCode()
  await press('Set the password')
  await sees('Sign in faster next time')
  assertQuiet(t, visitor)
})

t.test('narrow and wide, light and dark: nothing is cut off, axe finds nothing, and pictures are kept', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, confirm } = visitor
  const person = await personOf(demo, 'acme-shop')

  await page.goto(`${demo.url}/#/acme-shop/password`)
  await sees('Your password')
  await types('E-mail address', person.identifier)
  await types('Password', `${person.password}-wrong`)
  await press('Sign in')
  await page.getByRole('alert').getByText('do not match an account').waitFor()
  await assertNoBarriers(t, visitor, 'refused')
  await signInByPassword(visitor, `${demo.url}/#/acme-shop`, person)
  await confirm(true)
  await press('Create a passkey')
  await sees(/^Hello/)
  await press('Sign out')
  await sees('Welcome back')
  await press(`Sign in as ${person.email}`)
  await sees(/^Hello/)
  await happened(t, visitor, 'Sign in with one tap', LOGIN)
  await page.locator('.group[open] .call[data-name="verify-auth-challenge-response"] summary').click()
  await page.getByText("The gateway's log line:").first().waitFor()
  await assertNoBarriers(t, visitor, 'signed in')
  assertQuiet(t, visitor)
})

t.test('the page is small, and its picture in README.md is there', async (t) => {
  const bytes = ['index.html', 'main.js', 'style.css', 'icon.svg'].map((name) => statSync(join('dist/demo', name)).size)
  const all = bytes.reduce((sum, size) => sum + size)
  t.comment(`the page has ${all} bytes`)
  t.ok(all <= 450_000)
  t.match(readFileSync('README.md', 'utf8'), PICTURE)
  t.ok(statSync(PICTURE).size <= 150 * 1_024, 'npm run test:browser -- --update takes it again')
})

/** When the browser first drew something. */
async function firstPaint({ page }: Visitor): Promise<number> {
  return Math.round(
    Number(await page.evaluate(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN`)),
  )
}
