/** What goes wrong on purpose: what the user sees, and beside it what the engineer on call sees. */
import { join } from 'node:path'
import t from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { configOf, PICTURES, somePort, startDemo } from '../fixtures/demo.js'
import { assertQuiet, signInByPassword } from '../fixtures/steps.js'
import { visit } from '../fixtures/visitor.js'

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

/** Where a login had begun at Cognito. A paused tenant's app asks for the password before that. */
const EXPLAINED = Object.keys(REASONS).filter((what) => what !== 'paused-tenant')

const browser = await openBrowser(t)
const demo = await startDemo(t, somePort())
const { tenants, provocations } = await configOf(demo)
const tenant = tenants.find(({ flow }) => flow === 'passkey')
const [person] = tenant?.people ?? []
const identifier = person?.identifier ?? ''
const visitor = await visit(t, browser, demo.url)
const { page, press, sees, confirm } = visitor
if (person === undefined) throw new Error('no such tenant')
await signInByPassword(visitor, `${demo.url}/#/${tenant?.tenantId}`, person)
await confirm(true)
await press('Create a passkey')
await sees(/^Hello/)
await press('Sign out')
await sees('Welcome back')

t.strictSame(provocations.map(({ what }) => what).sort(), Object.keys(REASONS).sort())

const title = (words: RegExp) => page.locator('#view h2', { hasText: words })

/** Signs in by passkey, in whatever way the app offers now; answers if that was so. */
async function signIn(): Promise<boolean> {
  // So that the field's own suggestion does not sign in by itself, beside what is done here.
  await confirm(false)
  if (await title(/^Your password/).isVisible()) {
    await press('Use a passkey')
    await sees(/^Sign in$|^Welcome back$/)
  }
  const number = (await page.locator('.group').count()) + 1
  if (await title(/^Welcome back/).isVisible()) {
    await confirm(true)
    await press(`Sign in as ${identifier}`)
  } else {
    await page.getByLabel('E-mail address').fill(identifier)
    await confirm(true)
    await press('Continue')
  }
  const group = page.locator('.group[data-ok]', {
    has: page.locator('h3', { hasText: new RegExp(`^${number}\\. `) }),
  })
  await group.waitFor()
  if ((await group.getAttribute('data-ok')) === 'false') return false
  await title(/^Hello|^Your password/).waitFor()
  return title(/^Hello/).isVisible()
}

async function signOut(): Promise<void> {
  await press('Sign out')
  await sees('Welcome back')
}

for (const { what, label, lasts } of provocations)
  t.test(`${what}: the user is told in the app's words, and the engineer has reason and meaning`, async (t) => {
    const toggle = page.getByRole('button', { name: label, exact: true })
    const pressed = page.locator('#provoke [aria-pressed="true"]')
    await toggle.click()
    await pressed.waitFor()
    // The gateway follows a changed config within seconds; until then, logins go on as before.
    for (;;) {
      if (await signIn()) await signOut()
      // Each of its environments by itself, so that a passkey may be refused before none is asked for any more.
      else if (what !== 'paused-tenant' || (await title(/^Your password/).isVisible())) break
    }
    const group = page.locator('.group').first()
    const both = group.locator('.both', { hasText: REASONS[what] ?? '' })
    await both.waitFor()
    const [place, told] = what === 'paused-tenant' ? ['#status', NOT_NOW] : ['#alert', REFUSED]
    t.equal(await page.locator(place).innerText(), told)
    t.equal(await both.locator('div').first().locator('p').innerText(), told, 'and beside it, what the user saw')
    const explain = group.getByRole('button', { name: 'Explain this login' })
    if (EXPLAINED.includes(what)) {
      await explain.click()
      await group.getByLabel('Answer of explain').waitFor()
      t.match(await group.getByLabel('Answer of explain').innerText(), REASONS[what])
    } else t.equal(await explain.count(), 0, 'there was no login to explain')
    t.strictSame(await visitor.barriers(), [])
    await visitor.shoot(join(PICTURES, `${what}.png`))
    if (lasts === 'lasting') await toggle.click()
    await pressed.waitFor({ state: 'detached' })
    while (!(await signIn()));
    await signOut()
    assertQuiet(t, visitor)
  })

t.test('a name that nobody has, and a wrong password, are refused in plain words', async (t) => {
  const other = await visit(t, browser, demo.url)
  await other.page.goto(`${demo.url}/#/${tenant?.tenantId}/sign-in`)
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
