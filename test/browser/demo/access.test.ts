/** For everybody: axe in every view and dialog, the keyboard alone, where the focus is, and how much moves. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { personOf, somePort, startDemo } from '../fixtures/demo.js'
import { assertNoBarriers, assertQuiet, createPasskey, HELLO, OFFER, signUp } from '../fixtures/steps.js'
import { type Visitor, visit } from '../fixtures/visitor.js'

const browser = await openBrowser(t)
const demo = await startDemo(t, somePort())

/** The app's views, as their list has them. */
const VIEWS = [...readFileSync('src/local/demo/page/views/index.ts', 'utf8').matchAll(/^ {2}'?([a-z-]+)'?: /gm)]
  .map(([, name]) => name)
  .sort()
/** Those that axe has looked at. */
const seen = new Set<string | undefined>()

/** What has the focus, as it is called. */
const FOCUSED = `(() => {
  const { activeElement: one } = document
  return (one.labels?.[0] ?? one).getAttribute('aria-label') ?? (one.labels?.[0] ?? one).textContent
})()`

async function look(t: Test, visitor: Visitor, what: string): Promise<void> {
  seen.add(visitor.page.url().split('/').at(-1))
  await assertNoBarriers(t, visitor, what)
}

t.test('axe finds nothing in any view of a shop', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, takeCode } = visitor
  await page.goto(`${demo.url}/#/acme-shop/sign-in`)
  await sees('Sign in')
  await page.getByText('Made-up accounts').click()
  await look(t, visitor, 'a name is asked for')
  await press('Create an account')
  await sees('Create an account')
  await look(t, visitor, 'sign up')
  const email = await page.getByLabel('E-mail address').inputValue()
  const password = await page.getByLabel('Password').inputValue()
  await press('Create the account')
  await sees('Confirm your address')
  await press('Send the code again')
  await page.getByRole('status').getByText('A new code was sent.').waitFor()
  await look(t, visitor, 'confirm')
  await takeCode()
  await press('Confirm')
  await sees(OFFER)
  await look(t, visitor, 'a passkey is offered')
  await createPasskey(t, visitor)
  await page.getByText('What the ID token says').click()
  await look(t, visitor, 'the account')
  await press('Your passkeys')
  await page.getByRole('status').getByText('You have one passkey.').waitFor()
  await press('Add a passkey')
  await page.getByRole('alert').getByText('has a passkey for this account already').waitFor()
  await look(t, visitor, 'passkeys')
  await page.getByRole('button', { name: /^Delete / }).click()
  await page.getByRole('dialog').waitFor()
  await look(t, visitor, 'the dialog')
  await page.getByRole('button', { name: 'Keep it' }).click()
  await press('Back')
  await sees(HELLO)
  await press('Sign out')
  await sees('Welcome back')
  await look(t, visitor, 'welcome back')
  await press('Use your password')
  await sees('Your password')
  await types('E-mail address', email)
  await types('Password', 'not-the-password-1!')
  await press('Sign in')
  await page.getByRole('alert').getByText('do not match an account').waitFor()
  await look(t, visitor, 'a wrong password')
  await types('Password', password)
  await press('Sign in')
  await sees('We sent you a code')
  await look(t, visitor, 'a code by SMS')
  await press('Start again')
  await press('Use your password')
  await press('Forgotten your password?')
  await sees('Forgotten your password?')
  await look(t, visitor, 'forgotten')
  await types('E-mail address', email)
  await press('Send a code')
  await sees('Set another password')
  await look(t, visitor, 'another password')
  assertQuiet(t, visitor)
})

t.test('nor in those of a bank and a portal, nor in the panel with all that it can show', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, confirm, takeCode } = visitor
  await page.goto(`${demo.url}/#/globex-bank/sign-in`)
  await sees('Sign in')
  await look(t, visitor, 'name and password')
  const { identifier, password } = await signUp(visitor)
  await press('Not now')
  await sees(HELLO)
  await press('Add an authenticator app')
  await sees('Add an authenticator app')
  await look(t, visitor, 'an authenticator app')
  await takeCode()
  await press('Add the app')
  await page.getByRole('status').getByText('Your authenticator app is added.').waitFor()
  await page.goto(`${demo.url}/#/globex-bank/append`)
  await createPasskey(t, visitor)
  await press('Sign out')
  await sees('Sign in')
  await page.getByRole('button', { name: "Somebody else's passkey", exact: true }).click()
  await page.locator('#provoke [aria-pressed="true"]').waitFor()
  await look(t, visitor, 'something is to go wrong')
  await types('User name', identifier)
  await types('Password', password)
  await press('Sign in')
  await sees('The code of your app')
  await look(t, visitor, 'a code of the app')
  await confirm(true)
  await takeCode()
  await press('Continue')
  await page.getByRole('status').getByText('Your passkey was not accepted').waitFor()
  const group = page.locator('.group[open]').first()
  await group.locator('.both').getByText('user_mismatch').waitFor()
  await group.locator('.call[data-name="verify-auth-challenge-response"] summary').first().click()
  await page.getByText("The gateway's log line:").first().waitFor()
  await group.getByRole('button', { name: 'Explain this login' }).click()
  await group.getByLabel('Answer of explain').waitFor()
  t.equal(await page.evaluate(FOCUSED), 'Answer of explain', 'the focus goes on from the button that is gone')
  await look(t, visitor, 'refused, with the log line and what explain says')

  await page.goto(`${demo.url}/#/initech-portal/sign-in`)
  await sees('Sign in')
  await types('E-mail address', (await personOf(demo, 'initech-portal')).identifier)
  await press('Send me a code instead')
  await sees('We sent you a code')
  await look(t, visitor, "the portal's own code")
  assertQuiet(t, visitor)
})

t.test('axe has looked at every view that there is', async (t) => {
  t.strictSame([...seen].sort(), VIEWS)
})

t.test('by keyboard alone: an account, a passkey, a sign-in with it, and a dialog that keeps the focus', async (t) => {
  const visitor = await visit(t, browser, demo.url)
  const { page, sees, confirm } = visitor
  const { keyboard } = page
  const press = (key: string) => keyboard.press(key)
  const focused = async () => String(await page.evaluate(FOCUSED))
  /** Goes on by Tab to what is called so. */
  async function tabTo(name: RegExp): Promise<void> {
    const passed: string[] = []
    do {
      await press('Tab')
      passed.push(await focused())
      if (passed.length > 80) throw new Error(`Tab comes by no ${name}, but by ${passed.join(', ')}`)
    } while (!name.test(passed.at(-1) ?? ''))
  }
  async function enter(name: RegExp, next: string | RegExp, focus = '#view-title'): Promise<void> {
    await tabTo(name)
    await press('Enter')
    await sees(next)
    await page.locator(`${focus}:focus`).waitFor()
  }

  await page.goto(`${demo.url}/#/acme-shop/sign-in`)
  await sees('Sign in')
  await enter(/^Create an account$/, 'Create an account')
  await enter(/^Create the account$/, 'Confirm your address', '#field-code')
  await tabTo(/^Use the code \d+$/)
  await press('Enter')
  await page.locator('#field-code:focus').waitFor()
  await press('Enter')
  await sees(OFFER)
  await page.locator('#view-title:focus').waitFor()
  await confirm(true)
  await enter(/^Create a passkey$/, HELLO)
  await enter(/^Sign out$/, 'Welcome back')
  await enter(/^Sign in as /, HELLO)
  await enter(/^Your passkeys$/, 'Your passkeys')
  await page.getByRole('status').getByText('You have one passkey.').waitFor()

  const dialog = page.getByRole('dialog')
  await tabTo(/^Delete Passkey/)
  const asked = await focused()
  await press('Enter')
  await dialog.waitFor()
  t.equal(await focused(), 'Keep it', 'what does no harm has the focus')
  const reached = new Set<unknown>()
  for (const key of ['Tab', 'Tab', 'Tab', 'Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab']) {
    await press(key)
    reached.add(
      await page.evaluate(`document.activeElement.closest('dialog, #view, header, .engineer')?.tagName ?? 'none'`),
    )
  }
  // Between its last and its first button the focus is the browser's own.
  t.strictSame([...reached].sort(), ['DIALOG', 'none'], 'nothing behind it can be reached')
  await press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  t.equal(await focused(), asked, 'Escape leads back')
  await press('Enter')
  await dialog.waitFor()
  await press('Shift+Tab')
  t.equal(await focused(), 'Delete it')
  await press('Enter')
  await page.getByRole('status').getByText('The passkey is deleted.').waitFor()
  await page.locator('#view-title:focus').waitFor()
  await enter(/^Back$/, HELLO)
  assertQuiet(t, visitor)
})

t.test('nothing moves for who wants that, and some things do for others', async (t) => {
  const moving = async (reducedMotion: 'reduce' | 'no-preference') => {
    const visitor = await visit(t, browser, demo.url)
    const { page, sees } = visitor
    await page.emulateMedia({ reducedMotion })
    await page.goto(`${demo.url}/#/acme-shop/sign-in`)
    await sees('Sign in')
    await page.locator('.call').first().waitFor()
    assertQuiet(t, visitor)
    return page.evaluate(`[...new Set([...document.querySelectorAll('*')].flatMap((one) => [undefined, '::before', '::after'].flatMap((part) => {
      const { animationName, transitionDuration } = getComputedStyle(one, part)
      return animationName !== 'none' ? [animationName] : transitionDuration !== '0s' ? [transitionDuration] : []
    })))].sort()`)
  }
  t.strictSame(await moving('reduce'), [])
  t.strictSame(await moving('no-preference'), ['0.15s', 'arrive'])
})
