/** The guide's application as a person goes through it, with each of the example tenants. Its time is printed, and decides nothing. */
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { DemoPerson } from '../../../src/local/demo/api.js'
import { openBrowser } from '../fixtures/chromium.js'
import { configOf, type Demo, happened, somePort, startDemo } from '../fixtures/demo.js'
import { type Visitor, visit } from '../fixtures/visitor.js'

/** Where the pictures are, for people to look at. */
const PICTURES = 'dist/demo-pictures'
/** Of README.md. */
const PICTURE = 'docs/demo.png'

const browser = await openBrowser(t)
if (browser) {
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
      await visitor.shoot(join(PICTURES, 'readme.png'), { full: false })
      if (process.env.WALK_UPDATE) await visitor.shoot(PICTURE, { full: false })

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
      await page.waitForFunction(`document.querySelectorAll('.passkeys li').length === 1`)

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

  t.test('a bank: password, then passkey; and the password alone with the code of an authenticator app', async (t) => {
    const visitor = await visit(t, browser, demo.url)
    const { page, press, sees, types, confirm, takeCode } = visitor
    await page.goto(`${demo.url}/#/globex-bank/sign-in`)
    await sees('Sign in')
    const { identifier, password } = await personOf(demo, 'globex-bank')
    await confirm(true)
    await types('User name', identifier)
    await types('Password', password)
    await press('Sign in')
    await sees('Sign in faster next time')
    await press('Create a passkey')
    await sees(/^Hello/)
    await happened(visitor, ['post-append'])

    await press('Sign out')
    await sees('Sign in')
    await types('User name', identifier)
    await types('Password', password)
    await press('Sign in')
    await sees(/^Hello/)
    await happened(visitor, ['verify-auth-challenge-response'])

    await press('Sign out')
    await press('Use the password alone')
    await sees('Your password')
    await types('User name', identifier)
    await types('Password', password)
    await press('Sign in')
    await sees('The code of your app')
    await takeCode()
    await press('Continue')
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
    await takeCode()
    await press('Set the password')
    await sees('Sign in faster next time')
    t.strictSame(visitor.complaints, [])
  })

  for (const width of [390, 768, 1_280])
    for (const scheme of ['light', 'dark'] as const)
      t.test(
        `at ${width} px and ${scheme}: nothing is cut off, axe finds nothing, and a picture is kept`,
        async (t) => {
          const visitor = await visit(t, browser, demo.url, { width, scheme })
          const { page, press, sees, types, confirm } = visitor
          await page.goto(`${demo.url}/#/acme-shop/sign-in`)
          await sees('Sign in')
          t.strictSame(await visitor.barriers(), [])
          const { identifier, password } = await personOf(demo, 'acme-shop')
          await press('Use your password')
          await types('E-mail address', identifier)
          await types('Password', `${password}-wrong`)
          await press('Sign in')
          await page.getByRole('alert').getByText('do not match an account').waitFor()
          await types('Password', password)
          await press('Sign in')
          await sees(/Sign in faster next time|We sent you a code/)
          if (await page.getByRole('heading', { name: 'We sent you a code' }).isVisible()) {
            await visitor.takeCode()
            await press('Continue')
            await sees('Sign in faster next time')
          }
          await confirm(true)
          await press('Create a passkey')
          await sees(/^Hello/)
          await press('Sign out')
          await sees('Welcome back')
          await press(/^Sign in as/)
          await sees(/^Hello/)
          await happened(visitor, ['verify-auth-challenge-response'])
          await page.locator('.call[data-name="verify-auth-challenge-response"] summary').first().click()
          await page.getByText("The gateway's log line:").first().waitFor()
          t.strictSame(await visitor.barriers(), [])
          const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
          t.ok(Number(over) <= 0, `${over} px wider than the window`)
          await visitor.shoot(join(PICTURES, `${width}-${scheme}.png`))
          t.strictSame(visitor.complaints, [])
          t.strictSame(visitor.foreign, [])
        },
      )

  t.test('the page is small, and its picture in README.md is there', async (t) => {
    const bytes = ['index.html', 'main.js', 'style.css', 'icon.svg'].map(
      (name) => statSync(join('dist/demo', name)).size,
    )
    const all = bytes.reduce((sum, size) => sum + size)
    t.comment(`the page has ${all} bytes`)
    t.ok(all <= 450 * 1_024)
    t.match(readFileSync('README.md', 'utf8'), PICTURE)
    t.ok(statSync(PICTURE).size <= 150 * 1_024, 'npm run test:browser -- --update takes it again')
  })
}

/** When the browser first drew something. */
async function firstPaint({ page }: Visitor): Promise<number> {
  return Math.round(
    Number(await page.evaluate(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN`)),
  )
}

async function personOf(demo: Demo, tenantId: string, ordinal = 0): Promise<DemoPerson> {
  const { tenants } = await configOf(demo)
  const person = tenants.find((tenant) => tenant.tenantId === tenantId)?.people[ordinal]
  if (person === undefined) throw new Error(`${tenantId} has no such person`)
  return person
}
