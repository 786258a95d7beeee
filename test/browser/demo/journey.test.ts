/** The guide's application as a person goes through it, with each of the example tenants. Its time is printed, and decides nothing. */
import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { happened, PICTURES, personOf, signInByPassword, somePort, startDemo } from '../fixtures/demo.js'
import { type Visitor, visit } from '../fixtures/visitor.js'

/** Of README.md. */
const PICTURE = 'src/local/demo/picture.png'

const browser = await openBrowser(t)
mkdirSync(PICTURES, { recursive: true })
const demo = await startDemo(t, somePort())
t.comment(`the page's address after ${Math.round(demo.readyMs)} ms`)

t.test(
  'a shop: sign up, add a passkey, sign in with it in three ways, list, add, delete, password and SMS',
  async (t) => {
    const began = performance.now()
    const visitor = await visit(t, browser, demo.url)
    const { page, press, sees, types, confirm, takeCode } = visitor
    await page.goto(`${demo.url}/#/acme-shop/sign-in`)
    await sees('Sign in')
    t.comment(`first paint after ${await firstPaint(visitor)} ms`)

    await press('Create an account')
    await sees('Create an account')
    const email = await page.getByLabel('E-mail address').inputValue()
    const password = await page.getByLabel('Password').inputValue()
    await press('Create the account')
    await sees('Confirm your address')
    await takeCode()
    await press('Confirm')
    await sees('Sign in faster next time')
    await confirm(true)
    await press('Create a passkey')
    await sees(/^Hello/)
    t.equal((await visitor.passkeys()).length, 1)
    await happened(visitor, ['post-append'])

    // One tap.
    await press('Sign out')
    await sees('Welcome back')
    await press(`Sign in as ${email}`)
    await sees(/^Hello/)
    await happened(visitor, [
      'pre-login',
      'define-auth-challenge',
      'create-auth-challenge',
      'verify-auth-challenge-response',
    ])
    await page.setViewportSize({ width: 1_100, height: 720 })
    await visitor.shoot(join(PICTURES, 'readme.png'), { full: false })
    if (process.env.WALK_UPDATE) copyFileSync(join(PICTURES, 'readme.png'), PICTURE)

    // By name: nothing is confirmed while the name is typed.
    await press('Sign out')
    await confirm(false)
    await press('Use another account')
    await sees('Sign in')
    await types('E-mail address', email)
    await confirm(true)
    await press('Continue')
    await sees(/^Hello/)

    // By what the browser suggests in the field, at once.
    await press('Sign out')
    await sees('Welcome back')
    await press('Use another account')
    await sees(/^Hello/)

    // The list: one, a second try refused, a security key as well, then one less.
    await press('Your passkeys')
    await sees('Your passkeys')
    const rows = page.getByRole('list', { name: 'Your passkeys' }).getByRole('listitem')
    await rows.first().waitFor()
    t.equal(await rows.count(), 1)
    await press('Add a passkey')
    await page.getByRole('alert').getByText('has a passkey for this account already').waitFor()
    await visitor.addKey()
    await press('Add a passkey')
    await rows.nth(1).waitFor()
    await page
      .getByRole('button', { name: /^Delete Passkey|^Delete / })
      .first()
      .click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click()
    await rows.nth(1).waitFor({ state: 'detached' })

    // The password needs a code by now.
    await press('Back')
    await press('Sign out')
    await press('Use your password')
    await sees('Your password')
    await types('E-mail address', email)
    await types('Password', password)
    await press('Sign in')
    await sees('We sent you a code')
    await takeCode()
    await press('Continue')
    await sees('Sign in faster next time')
    await press('Not now')
    await sees(/^Hello/)
    await press('Renew the session')
    await page.getByRole('status').getByText('Your session is renewed.').waitFor()

    t.strictSame(visitor.complaints, [])
    t.strictSame(visitor.foreign, [])
    t.comment(`the journey took ${Math.round(performance.now() - began)} ms`)
  },
)

t.test('a portal: signed in with its own code by mail, a passkey is added, and signs in', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, confirm, takeCode } = visitor
  await page.goto(`${demo.url}/#/initech-portal/sign-in`)
  await sees('Sign in')
  await types('E-mail address', (await personOf(demo, 'initech-portal')).identifier)
  await press('Send me a code instead')
  await sees('We sent you a code')
  await types(/code/i, '000')
  await press('Continue')
  await page.getByRole('alert').getByText('This code is not the right one').waitFor()
  await takeCode()
  await press('Continue')
  await sees('Sign in faster next time')
  await confirm(true)
  await press('Create a passkey')
  await sees(/^Hello/)
  await press('Sign out')
  await sees('Welcome back')
  await press(/^Sign in as /)
  await sees(/^Hello/)
  await happened(visitor, ['pre-login', 'verify-auth-challenge-response'])
  t.strictSame(visitor.complaints, [])
  t.strictSame(visitor.foreign, [])
})

t.test('a bank: password, then passkey; and the password alone with the code of an authenticator app', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, confirm, takeCode } = visitor
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
  if (await page.getByRole('heading', { name: 'The code of your app' }).isVisible()) {
    await answerWithCode()
    await sees('Sign in faster next time')
  }
  await confirm(true)
  await press('Create a passkey')
  await sees(/^Hello/)
  await happened(visitor, ['post-append'])

  // With one: password, the code that the account needs by now, passkey.
  await press('Sign out')
  await sees('Sign in')
  await signIn()
  await answerWithCode()
  await sees(/^Hello/)
  await happened(visitor, ['verify-auth-challenge-response'])

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

  await press('Use the password alone')
  await sees('Your password')
  await signIn()
  await answerWithCode()
  await sees('Sign in faster next time')
  t.strictSame(visitor.complaints, [])
  t.strictSame(visitor.foreign, [])
})

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
  t.strictSame(visitor.complaints, [])
  t.strictSame(visitor.foreign, [])
})

t.test('narrow and wide, light and dark: nothing is cut off, axe finds nothing, and pictures are kept', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, confirm } = visitor
  const person = await personOf(demo, 'acme-shop')

  async function look(view: string): Promise<void> {
    for (const width of [390, 768, 1_280])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 900 })
        await page.emulateMedia({ colorScheme })
        const at = `${view} at ${width} px, ${colorScheme}`
        t.strictSame(await visitor.barriers(), [], `axe: ${at}`)
        const over = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
        t.ok(over <= 0, `${at}: ${over} px wider than the window`)
        await visitor.shoot(join(PICTURES, `${view}-${width}-${colorScheme}.png`))
      }
  }

  await page.goto(`${demo.url}/#/acme-shop/password`)
  await sees('Your password')
  await types('E-mail address', person.identifier)
  await types('Password', `${person.password}-wrong`)
  await press('Sign in')
  await page.getByRole('alert').getByText('do not match an account').waitFor()
  await look('refused')
  await signInByPassword(visitor, `${demo.url}/#/acme-shop`, person)
  await confirm(true)
  await press('Create a passkey')
  await sees(/^Hello/)
  await press('Sign out')
  await sees('Welcome back')
  await press(`Sign in as ${person.email}`)
  await sees(/^Hello/)
  await happened(visitor, ['verify-auth-challenge-response'])
  await page.locator('.group[open] .call[data-name="verify-auth-challenge-response"] summary').click()
  await page.getByText("The gateway's log line:").first().waitFor()
  await look('signed-in')
  t.strictSame(visitor.complaints, [])
  t.strictSame(visitor.foreign, [])
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
