/** What people are told of what goes wrong by itself, and what stands beside it, is true. */
import t, { type Test } from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { configOf, somePort, startDemo } from '../fixtures/demo.js'
import { assertQuiet, createPasskey, HELLO, holds, OFFER, signUp } from '../fixtures/steps.js'
import { type Visitor, visit } from '../fixtures/visitor.js'

const browser = await openBrowser(t)
const demo = await startDemo(t, somePort())
const { provocations } = await configOf(demo)
const NOTHING_REFUSED = 'Nothing was refused: the gateway did its part.'

/** Opens one of the apps. */
async function open(t: Test, tenantId: string): Promise<Visitor> {
  const visitor = await visit(t, browser, demo.url)
  await visitor.page.goto(`${demo.url}/#/${tenantId}/sign-in`)
  await visitor.sees('Sign in')
  return visitor
}

/** Whoever is asked for a passkey from now on turns away. */
const cancel = ({ page }: Visitor) =>
  page.evaluate(`navigator.credentials.get = async () => { throw new DOMException('Not now', 'NotAllowedError') }`)

/** The user is refused with this text; beside it stands that the gateway was asked, and what its last line says. */
async function refusedBy(t: Test, { page }: Visitor, text: string | RegExp, last: string): Promise<void> {
  await page.getByRole('alert').getByText(text).waitFor()
  const engineer = page.locator('.group[data-ok="false"]:not([hidden])').first().locator('.both > div').last()
  await engineer.getByText(`${last}: `).waitFor()
  t.match(await engineer.innerText(), NOTHING_REFUSED, String(text))
}

/** Switches on or off what can go wrong. */
async function provoke({ page }: Visitor, what: string, on: boolean): Promise<void> {
  const { label = '' } = provocations.find((one) => one.what === what) ?? {}
  await page.getByRole('button', { name: label, exact: true }).click()
  await page.locator('#provoke [aria-pressed="true"]').waitFor({ state: on ? 'visible' : 'detached' })
}

t.test('a shop: a passkey that is there already, one that is not used, and a list that cannot be read', async (t) => {
  const visitor = await open(t, 'acme-shop')
  const { page, press, sees } = visitor
  await signUp(visitor)
  await createPasskey(t, visitor)
  await press('Your passkeys')
  const status = page.getByRole('status')
  await status.getByText('You have one passkey.').waitFor()
  await press('Add a passkey')
  await refusedBy(t, visitor, 'has a passkey for this account already', 'connect-tokens')

  await provoke(visitor, 'secret-wrong', true)
  await press('Back')
  await sees(HELLO)
  await press('Your passkeys')
  await page.getByRole('alert').getByText('Your passkeys could not be read. Try again.').waitFor()
  t.notMatch(await page.locator('#view').innerText(), /Reading|You have no passkey/)
  await provoke(visitor, 'secret-wrong', false)
  // The gateway leaves Corbado alone for a moment.
  do {
    await press('Try again')
    await page
      .locator('.app')
      .getByText(/You have one passkey|could not be read/)
      .waitFor()
  } while (!(await status.getByText('You have one passkey.').isVisible()))
  t.equal(await page.locator('#view').getByRole('button', { name: 'Try again' }).count(), 0)

  await press('Back')
  await sees(HELLO)
  await press('Sign out')
  await sees('Welcome back')
  await cancel(visitor)
  await press(/^Sign in as /)
  await refusedBy(t, visitor, 'No passkey was used. Try again, or use your password.', 'pre-login')
  assertQuiet(t, visitor)
})

t.test('a bank: a wrong password, a passkey that is not used, and one that is refused after it', async (t) => {
  const visitor = await open(t, 'globex-bank')
  const { page, press, sees, types } = visitor
  const { identifier, password } = await signUp(visitor)
  await createPasskey(t, visitor)
  await press('Sign out')
  await sees('Sign in')
  await types('User name', identifier)
  await types('Password', `${password}-wrong`)
  await press('Sign in')
  await refusedBy(t, visitor, 'do not match an account', 'define-auth-challenge')
  await types('Password', password)
  await provoke(visitor, 'used-proof', true)
  await press('Sign in')
  const alert = page.getByRole('alert')
  await alert.getByText('Your passkey was not accepted').waitFor()
  t.match(await alert.innerText(), 'Try again, or use the password alone.')
  await page.locator('#news', { hasText: 'What the engineer on call sees: ' }).waitFor({ state: 'attached' })
  t.match(await page.locator('#news').innerText(), 'verify-auth-challenge-response, invalid_challenge.')
  await cancel(visitor)
  await press('Sign in')
  await refusedBy(t, visitor, 'No passkey was used. Try again, or use the password alone.', 'create-auth-challenge')
  await press('Use the password alone')
  await sees('Your password')
  await types('User name', identifier)
  await types('Password', password)
  await press('Sign in')
  await sees(OFFER)
  t.equal(await page.locator('#status').innerText(), 'Signed in with your password.')

  // Without a passkey it is the same, as nothing was wrong.
  await press('Not now')
  await press('Your passkeys')
  await page.getByRole('button', { name: /^Delete / }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click()
  await holds(visitor, 0)
  await page.getByRole('status').getByText('The passkey is deleted.').waitFor()
  await press('Back')
  await sees(HELLO)
  await press('Sign out')
  await sees('Sign in')
  await types('User name', identifier)
  await types('Password', password)
  await press('Sign in')
  await sees(OFFER)
  t.equal(await page.locator('#status').innerText(), 'Signed in with your password.')
  assertQuiet(t, visitor)
})

t.test('a portal: nobody is told who has an account, and a sign-in that is over says so', async (t) => {
  const visitor = await open(t, 'initech-portal')
  const { page, press, sees, types } = visitor
  await types('E-mail address', 'nobody@initech-portal.example')
  await press('Send me a code instead')
  await sees('We sent you a code')
  await page.locator('#view').getByText('If there is an account with this name, Initech Portal sent').waitFor()
  await types('Code', '000000')
  for (const told of ['#alert', '#alert', '#status']) {
    if (told === '#status') await page.locator('.group[data-ok="false"]').nth(1).waitFor()
    await press('Continue')
    const text = told === '#status' ? 'This sign-in has ended. Start again.' : 'This code is not the right one.'
    await page.locator(told).getByText(text).waitFor()
    const engineer = page.locator('.group:not([hidden])').first().locator('.both > div').last()
    await engineer.waitFor()
    t.notMatch(await engineer.innerText(), 'was not asked')
  }
  await sees('Sign in')
  t.equal(await page.locator('#alert').innerText(), '')
  t.equal(await page.locator('#outbox li').count(), 0, 'nothing was sent')

  await press('Use your password')
  await press('Forgotten your password?')
  await sees('Forgotten your password?')
  await types('E-mail address', 'nobody@initech-portal.example')
  await press('Send a code')
  await sees('Set another password')
  await page.locator('#view').getByText('If there is an account with this name, we sent it').waitFor()
  await press('Send the code again')
  await page.getByRole('status').getByText('If there is an account with this name, a new code was sent.').waitFor()
  t.equal(await page.locator('#outbox li').count(), 0)
  await press('Start again')
  await sees('Forgotten your password?')
  assertQuiet(t, visitor)
})

t.test('an address that was not typed right is typed again, and a code that no form asks for is copied', async (t) => {
  const visitor = await open(t, 'initech-portal')
  const { page, press, sees } = visitor
  await visitor.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await press('Create an account')
  await press('Create the account')
  await sees('Confirm your address')
  await page.locator('#outbox li').waitFor()
  await press('Start again')
  await sees('Create an account')
  const code = await page.locator('#outbox li .code').innerText()
  await page.locator('#outbox li').getByRole('button').click()
  await page.locator('#news', { hasText: `Copied: the code ${code}.` }).waitFor({ state: 'attached' })
  t.equal(await page.locator('#outbox li').getByRole('button').innerText(), 'Copied')
  t.equal(await page.evaluate('navigator.clipboard.readText()'), code)
  assertQuiet(t, visitor)
})
