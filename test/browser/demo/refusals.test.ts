/** What goes wrong on purpose: what the user sees, and beside it what the engineer on call sees. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { configOf, PICTURES, personOf, somePort, startDemo } from '../fixtures/demo.js'
import { assertQuiet, createPasskey, HELLO, signUp } from '../fixtures/steps.js'
import { type Visitor, visit } from '../fixtures/visitor.js'

/** By what is provoked: the reason on the gateway's line. */
const REASONS: Readonly<Record<string, string>> = {
  'used-proof': 'invalid_challenge',
  'wrong-passkey': 'user_mismatch',
  'corbado-down': 'backend_unavailable',
  'secret-wrong': 'backend_unauthorized',
  'paused-tenant': 'passkeys_off',
}

const REFUSED = 'Your passkey was not accepted, so you are not signed in. Try again, or use your password.'
const NOT_NOW = 'Signing in with a passkey is not possible right now. Use your password.'

/** Where a login had begun at Cognito. A paused tenant's app asks for the password before that, or goes by it alone. */
const EXPLAINED = Object.keys(REASONS).filter((what) => what !== 'paused-tenant')

const browser = await openBrowser(t)
const demo = await startDemo(t, somePort())
const { tenants, provocations } = await configOf(demo)

t.strictSame(provocations.map(({ what }) => what).sort(), Object.keys(REASONS).sort())

/** What a try to sign in led to: by passkey, or to the password instead of it. */
type Came = 'in' | 'refused' | 'to the password'

/** How people sign in at an app, and what it tells them. */
interface App {
  readonly visitor: Visitor
  readonly refused: string
  /** While the tenant is paused. */
  readonly paused: string
  /** Signs in, from wherever the last try has led. */
  signIn(): Promise<Came>
}

const isOn = ({ page }: Visitor, words: RegExp) => page.locator('#view h2', { hasText: words }).isVisible()

/** Presses what signs in; answers how that ended. */
async function pressed({ page, sees }: Visitor, press: () => Promise<void>, next: RegExp): Promise<boolean> {
  const number = (await page.locator('.group').count()) + 1
  await press()
  const heading = page.locator('h3', { hasText: new RegExp(`^${number}\\. `) })
  const group = page.locator('.group[data-ok]', { has: heading })
  await group.waitFor()
  if ((await group.getAttribute('data-ok')) === 'false') return false
  await sees(next)
  return true
}

/** The passkey is the whole sign-in, in whatever way the app offers it now. */
function byPasskey(visitor: Visitor, identifier: string): App {
  const { press, sees, types, confirm } = visitor
  return {
    visitor,
    refused: REFUSED,
    paused: NOT_NOW,
    async signIn() {
      // So that the field's own suggestion does not sign in by itself, beside what is done here.
      await confirm(false)
      if (await isOn(visitor, HELLO)) await press('Sign out')
      else if (await isOn(visitor, /^Your password/)) await press('Use a passkey')
      await sees(/^Sign in$|^Welcome back$/)
      const known = await isOn(visitor, /^Welcome back/)
      if (!known) await types('E-mail address', identifier)
      await confirm(true)
      const button = known ? `Sign in as ${identifier}` : 'Continue'
      if (!(await pressed(visitor, () => press(button), /^Hello|^Your password/))) return 'refused'
      return (await isOn(visitor, HELLO)) ? 'in' : 'to the password'
    },
  }
}

/** The passkey comes after the password, which is enough where there can be none. */
function byPasswordFirst(visitor: Visitor, identifier: string, password: string): App {
  const { press, sees, types } = visitor
  return {
    visitor,
    refused: REFUSED.replace('use your password', 'use the password alone'),
    paused: 'Signed in with your password.',
    async signIn() {
      if (await isOn(visitor, /^Sign in faster/)) {
        await press('Not now')
        await sees(HELLO)
      }
      if (await isOn(visitor, HELLO)) await press('Sign out')
      await sees('Sign in')
      await types('User name', identifier)
      await types('Password', password)
      if (!(await pressed(visitor, () => press('Sign in'), /^Hello|^Sign in faster/))) return 'refused'
      return (await isOn(visitor, HELLO)) ? 'in' : 'to the password'
    },
  }
}

async function refuses(t: Test, app: App, what: string, label: string, lasts: string, picture: string): Promise<void> {
  const { visitor, refused, paused, signIn } = app
  const { page } = visitor
  const toggle = page.getByRole('button', { name: label, exact: true })
  const on = page.locator('#provoke [aria-pressed="true"]')
  await toggle.click()
  await on.waitFor()
  // The gateway follows a changed config within seconds, each of its environments by itself: until then, logins go on as
  // before, or a passkey is refused before none is asked for any more.
  const expected = what === 'paused-tenant' ? 'to the password' : 'refused'
  while ((await signIn()) !== expected);
  const group = page.locator('.group:not([hidden])').first()
  const both = group.locator('.both', { hasText: REASONS[what] ?? '' })
  await both.waitFor()
  const [place, told] = what === 'paused-tenant' ? ['#status', paused] : ['#alert', refused]
  t.equal(await page.locator(place).innerText(), told)
  t.equal(await both.locator('div').first().locator('p').innerText(), told, 'and beside it, what the user saw')
  const explain = group.getByRole('button', { name: 'Explain this login' })
  if (EXPLAINED.includes(what)) {
    await explain.click()
    await group.getByLabel('Answer of explain').waitFor()
    t.match(await group.getByLabel('Answer of explain').innerText(), REASONS[what])
  } else t.equal(await explain.count(), 0, 'there was no login to explain')
  t.strictSame(await visitor.barriers(), [])
  await visitor.shoot(join(PICTURES, picture))
  if (lasts === 'lasting') await toggle.click()
  await on.waitFor({ state: 'detached' })
  while ((await signIn()) !== 'in');
  assertQuiet(t, visitor)
}

for (const { tenantId, flow, ownCode } of tenants)
  t.test(`${tenantId}: the user is told in the app's words, and the engineer has reason and meaning`, async (t) => {
    const visitor = await visit(t, browser, demo.url)
    await visitor.page.goto(`${demo.url}/#/${tenantId}/sign-in`)
    await visitor.sees('Sign in')
    const { identifier, password } = await signUp(visitor)
    await createPasskey(t, visitor)
    const app = flow === 'passkey' ? byPasskey(visitor, identifier) : byPasswordFirst(visitor, identifier, password)
    // The portal's sign-in by passkey is the shop's: there, what other parts do is enough.
    const here = provocations.filter(({ lasts }) => !ownCode || lasts === 'lasting')
    for (const { what, label, lasts } of here)
      await t.test(what, (t) => refuses(t, app, what, label, lasts, `${tenantId}-${what}.png`))
  })

t.test('a name that nobody has, and a wrong password, are refused in plain words', async (t) => {
  const other = await visit(t, browser, demo.url)
  const { identifier } = await personOf(demo, 'acme-shop')
  await other.page.goto(`${demo.url}/#/acme-shop/sign-in`)
  await other.sees('Sign in')
  await other.types('E-mail address', 'nobody@nowhere.example')
  await other.press('Continue')
  await other.page
    .getByRole('alert')
    .getByText(/no account|not find|unknown/i)
    .waitFor()
  await other.press('Use your password')
  await other.sees('Your password')
  await other.types('E-mail address', identifier)
  await other.types('Password', 'not-the-password-1!')
  await other.press('Sign in')
  await other.page.getByRole('alert').getByText('do not match an account').waitFor()
  assertQuiet(t, other)
})
