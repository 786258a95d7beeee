/** What an application meets that a demonstration does not show: a restart, other people's passkeys, two tabs, and the like. */
import t from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { personOf, somePort, startDemo } from '../fixtures/demo.js'
import { assertQuiet, signInByPassword } from '../fixtures/steps.js'
import { openTab, type Visitor, visit } from '../fixtures/visitor.js'

const browser = await openBrowser(t)
const port = somePort()
const first = await startDemo(t, port)
const { url } = first
const shop = `${url}/#/acme-shop`
const [mara, jonas] = [await personOf(first, 'acme-shop', 0), await personOf(first, 'acme-shop', 1)]

/** Signs in by password, as somebody without a passkey does. */
async function signIn(visitor: Visitor): Promise<void> {
  await signInByPassword(visitor, shop, jonas)
  await visitor.press('Not now')
  await visitor.sees(/^Hello/)
}

t.test('a passkey of another program on localhost is refused kindly, and stays where it is', async (t) => {
  const visitor = await visit(t, browser, url)
  await visitor.addForeign()
  await visitor.confirm(true)
  await visitor.page.goto(`${shop}/sign-in`)
  await visitor.page.getByRole('alert').getByText('This passkey opens nothing here').waitFor()
  t.equal((await visitor.passkeys()).length, 1)
  assertQuiet(t, visitor)
})

t.test('a second tab follows what the first one does', async (t) => {
  const visitor = await visit(t, browser, url)
  await visitor.page.goto(`${shop}/sign-in`)
  await visitor.sees('Sign in')
  const tab = await openTab(visitor, url)
  await signIn(tab)
  await visitor.sees(/^Hello/)
  await visitor.press('Sign out')
  await tab.sees(/^Sign in$|^Welcome back$/)
  assertQuiet(t, visitor, tab)
})

t.test('the back button goes a view back, and never into a form of somebody who is signed in', async (t) => {
  const visitor = await visit(t, browser, url)
  await visitor.page.goto(`${shop}/sign-in`)
  await visitor.sees('Sign in')
  await visitor.press('Create an account')
  await visitor.sees('Create an account')
  await visitor.page.goBack()
  await visitor.sees('Sign in')
  await signIn(visitor)
  await visitor.page.goBack()
  await visitor.page.goBack()
  await visitor.sees(/^Hello/)
  await visitor.page.reload()
  await visitor.sees(/^Hello/)
  assertQuiet(t, visitor)
})

t.test('a session that cannot be renewed ends in words, and the next sign-in works', async (t) => {
  const visitor = await visit(t, browser, url)
  await signIn(visitor)
  await visitor.page.evaluate(`(() => {
    const past = (jwt) => {
      const [head, body, mark] = jwt.split('.')
      const claims = JSON.parse(atob(body.replaceAll('-', '+').replaceAll('_', '/')))
      return [head, btoa(JSON.stringify({ ...claims, exp: 1 })), mark].join('.')
    }
    for (const key of Object.keys(localStorage)) {
      if (/\\.(idToken|accessToken)$/.test(key)) localStorage.setItem(key, past(localStorage.getItem(key)))
      if (/\\.refreshToken$/.test(key)) localStorage.setItem(key, 'of-nobody')
    }
  })()`)
  await visitor.page.reload()
  await visitor.page.getByRole('status').getByText('Your session has ended').waitFor()
  await signIn(visitor)
  assertQuiet(t, visitor)
})

t.test('a browser without passkeys has the password', async (t) => {
  const visitor = await visit(t, browser, url)
  await visitor.context.addInitScript('delete window.PublicKeyCredential')
  await visitor.page.goto(`${shop}/sign-in`)
  await visitor.sees('Your password')
  await visitor.page.getByText('This browser has no passkeys').waitFor()
  await visitor.types('E-mail address', jonas.identifier)
  await visitor.types('Password', jonas.password)
  await visitor.press('Sign in')
  await visitor.sees(/^Hello/)
  assertQuiet(t, visitor)
})

t.test('by keyboard: a way past the head, and each new view has the focus', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, sees } = visitor
  await page.goto(`${shop}/sign-in`)
  await sees('Sign in')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.locator('#view-title:focus').waitFor()
  await page.getByRole('button', { name: 'Create an account' }).focus()
  await page.keyboard.press('Enter')
  await sees('Create an account')
  await page.locator('#view-title:focus').waitFor()
  // Through all of the apps, and back to the first, by the arrow keys alone.
  await page.getByRole('radio').first().focus()
  for (const tenantId of ['globex-bank', 'initech-portal', 'acme-shop']) {
    await page.keyboard.press('ArrowRight')
    await page.locator('#app-address', { hasText: tenantId }).waitFor()
    await sees('Sign in')
    await page.locator(`#tenants input[value="${tenantId}"]:checked:focus`).waitFor()
  }
  assertQuiet(t, visitor)
})

t.test('opened by IP, it leads to localhost', async (t) => {
  const { page, sees, complaints, foreign } = await visit(t, browser, url)
  const address = `${url.replace('localhost', '127.0.0.1')}/`
  await page.goto(address)
  await sees('Sign in')
  t.match(page.url(), url)
  t.strictSame(complaints, [])
  t.strictSame(foreign, [address], 'what was typed, and nothing else')
})

t.test('another start clears what this one left, and its passkeys are refused kindly', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, press, sees, confirm } = visitor
  await signInByPassword(visitor, shop, mara)
  await confirm(true)
  await press('Create a passkey')
  await sees(/^Hello/)
  await first.stop()
  await page.getByText('The demo does not answer').waitFor()
  await startDemo(t, port)
  await page.getByText('The demo was started again').waitFor()
  // The passkey is there still, and is offered at once.
  await page.getByRole('alert').getByText('This passkey opens nothing here').waitFor()
  t.strictSame(await page.evaluate(`Object.keys(localStorage).filter((key) => key.startsWith('CognitoIdentity'))`), [])
  // While nothing answers, the browser notes each request that failed.
  t.strictSame(
    visitor.complaints.filter((text) => !text.includes('net::ERR_')),
    [],
  )
  t.strictSame(visitor.foreign, [])
})
