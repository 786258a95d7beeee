/** What goes wrong on purpose: what the user sees, and beside it what the engineer on call sees. */
import t from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { configOf, happened, somePort, startDemo } from '../fixtures/demo.js'
import { visit } from '../fixtures/visitor.js'

/** By what is provoked: the reason on the gateway's line. */
const REASONS: Readonly<Record<string, string>> = {
  'used-proof': 'invalid_challenge',
  'wrong-passkey': 'user_mismatch',
  'corbado-down': 'backend_unavailable',
  'secret-wrong': 'backend_unauthorized',
  'paused-tenant': 'passkeys_off',
}

const browser = await openBrowser(t)
if (browser) {
  const demo = await startDemo(t, somePort())
  const { tenants, provocations } = await configOf(demo)
  const tenant = tenants.find(({ flow }) => flow === 'passkey')
  const { identifier = '', password = '' } = tenant?.people[0] ?? {}
  const visitor = await visit(t, browser, demo.url)
  const { page, press, sees, types, confirm } = visitor
  await page.goto(`${demo.url}/#/${tenant?.tenantId}/password`)
  await sees('Your password')
  await types('E-mail address', identifier)
  await types('Password', password)
  await press('Sign in')
  await sees('Sign in faster next time')
  await confirm(true)
  await press('Create a passkey')
  await sees(/^Hello/)
  await press('Sign out')
  await sees('Welcome back')

  t.strictSame(provocations.map(({ what }) => what).sort(), Object.keys(REASONS).sort())

  for (const { what, label, lasts } of provocations)
    t.test(
      `${what}: the user is told in the app's words, and the engineer has reason, meaning and the way on`,
      async (t) => {
        const toggle = page.getByRole('button', { name: label, exact: true })
        await toggle.click()
        await page.locator(`#provoke [aria-pressed="true"]`).waitFor()
        await press(`Sign in as ${identifier}`)
        const group = page.locator('.group').first()
        const both = group.locator('.both')
        await both.getByText(REASONS[what] ?? '', { exact: true }).waitFor()
        t.ok((await both.locator('div').first().innerText()).length > 40, 'the user is told something')
        await happened(visitor, ['pre-login'])
        const explain = group.getByRole('button', { name: 'Explain this login' })
        if (await explain.isVisible()) {
          await explain.click()
          await group.getByLabel('Answer of explain').waitFor()
          t.match(await group.getByLabel('Answer of explain').innerText(), REASONS[what])
        }
        t.strictSame(await visitor.barriers(), [])
        if (lasts === 'lasting') await toggle.click()
        await page.locator(`#provoke [aria-pressed="true"]`).waitFor({ state: 'detached' })
        // And all is well again, by whatever way the app offers now.
        if (await page.getByRole('heading', { name: 'Your password' }).isVisible()) {
          await press('Use a passkey')
          await sees('Sign in')
          await types('E-mail address', identifier)
          await press('Continue')
        } else await press(`Sign in as ${identifier}`)
        await sees(/^Hello/)
        await press('Sign out')
        await sees('Welcome back')
        t.strictSame(visitor.complaints, [])
        t.strictSame(visitor.foreign, [])
      },
    )

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
    t.strictSame(other.complaints, [])
  })
}
