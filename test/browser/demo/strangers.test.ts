/** What an application meets that a demonstration does not show: a restart, other people's passkeys, two tabs, and the like. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openBrowser } from '../fixtures/chromium.js'
import { personOf, somePort, startDemo } from '../fixtures/demo.js'
import {
  assertNoBarriers,
  assertQuiet,
  createPasskey,
  HELLO,
  signInByOneTap,
  signInByPassword,
  signUp,
} from '../fixtures/steps.js'
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

t.test('each tab shows its own calls, and says that there are others', async (t) => {
  const visitor = await visit(t, browser, url)
  await visitor.page.goto(`${shop}/sign-in`)
  await visitor.sees('Sign in')
  await visitor.press('Use your password')
  const tab = await openTab(visitor, url)
  await tab.page.goto(`${shop}/sign-in`)
  await signUp(tab)
  await createPasskey(t, tab)
  const shown = ({ page }: Visitor, name: string) => page.locator(`.call[data-name="${name}"]`).count()
  const names = ['SignUp', 'InitiateAuth', 'connect-tokens', 'post-append']
  for (const name of names) t.equal(await shown(tab, name), 1, name)
  // What the other one has done is here by the time that something of its own is.
  await visitor.sees(HELLO)
  await visitor.press('Sign out')
  await visitor.page.locator('.call[data-name="RevokeToken"]').waitFor()
  for (const name of names) t.equal(await shown(visitor, name), 0, name)
  t.match(await visitor.page.locator('#others').innerText(), /^\d+ calls of another tab or browser at this app/)
  // Those of the tab stay with it when it is loaded again.
  await tab.page.reload()
  await tab.page
    .locator('.group', { hasText: 'Create a passkey' })
    .locator('[data-name="post-append"]')
    .waitFor({ state: 'attached' })
  assertQuiet(t, visitor, tab)
})

t.test(
  "nobody is told of the page, as Corbado's client otherwise has FingerprintJS do one time in a thousand",
  async (t) => {
    const visitor = await visit(t, browser, url)
    await visitor.context.addInitScript('Math.random = () => 0')
    await visitor.page.goto(`${shop}/sign-in`)
    await visitor.sees('Sign in')
    // By then the client has looked at the browser.
    await visitor.page.locator('.call[data-name="login/init"]').waitFor()
    assertQuiet(t, visitor)
  },
)

t.test('what is pressed twice is sent once', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, press, sees } = visitor
  await page.goto(`${shop}/sign-up`)
  await sees('Create an account')
  const asked: string[] = []
  const held: (() => void)[] = []
  await page.route(/\/cognito\//, async (route) => {
    asked.push(route.request().headers()['x-amz-target']?.split('.').at(-1) ?? '')
    await new Promise<void>((resolve) => held.push(resolve))
    await route.continue()
  })
  /** Nothing is answered before it was pressed twice. */
  async function pressTwice(name: string): Promise<void> {
    const button = page.locator('#view').getByRole('button', { name, exact: true })
    await button.dblclick()
    t.equal(await button.getAttribute('aria-disabled'), 'true', 'and says that it is busy')
    while (held.length === 0) await sleep(20)
    for (const letGo of held.splice(0)) letGo()
  }
  await pressTwice('Create the account')
  await sees('Confirm your address')
  await pressTwice('Send the code again')
  await page.getByRole('status').getByText('A new code was sent.').waitFor()
  t.strictSame(asked, ['SignUp', 'ResendConfirmationCode'])
  // Once it is done it may be sent again.
  await press('Send the code again')
  await page
    .locator('.group', { hasText: /^\d+\. Send the code again/ })
    .nth(1)
    .waitFor()
  assertQuiet(t, visitor)
})

t.test('when the demo does not answer the panel, it says so, and goes on', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, sees } = visitor
  await signInByPassword(visitor, shop, mara)
  await createPasskey(t, visitor)
  await signInByOneTap(t, visitor, mara.email)
  for (const broken of ['nothing', 'no JSON'] as const) {
    await page.route(/\/(provoke|explain)/, (route) =>
      broken === 'nothing' ? route.abort() : route.fulfill({ status: 502, body: 'a proxy' }),
    )
    await page.getByRole('button', { name: 'Corbado down', exact: true }).click()
    await page.locator('#provoke-about', { hasText: 'The demo does not answer.' }).waitFor()
    await page.getByRole('button', { name: 'Explain this login' }).click()
    await page.locator('.explained').getByText('The demo does not answer.').waitFor()
    await page.unroute(/\/(provoke|explain)/)
    await page.reload()
    await sees(HELLO)
  }
  await page.getByRole('button', { name: 'Explain this login' }).click()
  await page.getByLabel('Answer of explain').waitFor()
  t.strictSame(
    visitor.complaints.filter((text) => !/^error: Failed to load resource/.test(text)),
    [],
  )
  t.strictSame(visitor.foreign, [])
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
  for (const view of ['forgot', 'new-password', 'code', 'own-code', 'confirm', 'sign-up', 'password', 'sign-in']) {
    await visitor.page.goto(`${shop}/${view}`)
    await visitor.page.waitForURL(`${shop}/home`)
    await visitor.sees(HELLO)
  }
  assertQuiet(t, visitor)
})

t.test('nor does it after a sign-up, or after a code of the app itself, whose names are forgotten', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, press, sees, types, takeCode } = visitor
  const portal = `${url}/#/initech-portal`
  async function goBackTo(view: string): Promise<void> {
    const left: string[] = []
    page.on('framenavigated', () => left.push(page.url()))
    await page.goBack()
    await page.waitForURL(`${portal}/home`)
    await sees(HELLO)
    t.equal(left[0], `${portal}/${view}`)
    page.removeAllListeners('framenavigated')
  }
  await page.goto(`${portal}/sign-in`)
  await sees('Sign in')
  const { email } = await signUp(visitor)
  await goBackTo('confirm')
  await press('Sign out')
  await sees('Sign in')
  t.equal(await page.getByLabel('E-mail address').inputValue(), '')
  await types('E-mail address', email)
  await press('Send me a code instead')
  await sees('We sent you a code')
  await takeCode()
  await press('Continue')
  await sees(/^Sign in faster/)
  await goBackTo('own-code')
  assertQuiet(t, visitor)
})

t.test('a session that ends among the passkeys leads to the sign-in, which says so', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, press, sees } = visitor
  await page.goto(`${shop}/sign-in`)
  await signUp(visitor)
  await createPasskey(t, visitor)
  for (const what of ['delete', 'add'] as const) {
    await press('Your passkeys')
    await page.getByRole('status').getByText('You have one passkey.').waitFor()
    await endSession(visitor)
    if (what === 'add') await press('Add a passkey')
    else {
      await page.getByRole('button', { name: /^Delete / }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click()
    }
    await sees('Welcome back')
    await page.getByRole('status').getByText('Your session has ended. Sign in again.').waitFor()
    t.equal(await page.getByRole('alert').innerText(), '', 'told once')
    await press(/^Sign in as /)
    await sees(HELLO)
  }
  await press('Your passkeys')
  await page.getByRole('button', { name: /^Delete / }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click()
  await page.getByRole('status').getByText('The passkey is deleted.').waitFor()
  assertQuiet(t, visitor)
})

/** Its tokens have ended, and cannot be renewed. */
async function endSession({ page }: Visitor): Promise<void> {
  await page.evaluate(`(() => {
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
}

t.test('a session that cannot be renewed ends in words, and the next sign-in works', async (t) => {
  const visitor = await visit(t, browser, url)
  await signIn(visitor)
  await endSession(visitor)
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
  await assertNoBarriers(t, visitor, 'no passkeys')
  await visitor.types('E-mail address', jonas.identifier)
  await visitor.types('Password', jonas.password)
  await visitor.press('Sign in')
  await visitor.sees(/^Hello/)
  assertQuiet(t, visitor)
})

t.test('nor does a bank offer any there, whatever is asked for', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, press, sees, types, takeCode } = visitor
  await visitor.context.addInitScript('delete window.PublicKeyCredential')
  await page.goto(`${url}/#/globex-bank/sign-in`)
  await sees('Your password')
  const { identifier, password } = await personOf(first, 'globex-bank')
  await types('User name', identifier)
  await types('Password', password)
  await press('Sign in')
  await sees('The code of your app')
  await takeCode()
  await press('Continue')
  await sees(HELLO)
  for (const view of ['home', 'passkeys', 'append']) {
    await page.goto(`${url}/#/globex-bank/${view}`)
    await page.waitForURL(/\/home$/)
    await sees(HELLO)
    await page.locator('#view').getByText('This browser has no passkeys').waitFor()
    t.equal(await page.locator('#view').getByRole('button', { name: 'Your passkeys' }).count(), 0)
    t.equal(await page.getByRole('alert').innerText(), '')
  }
  assertQuiet(t, visitor)
})

t.test('where nothing may be kept, the page says so, and not that it was not started', async (t) => {
  const { context, page, foreign } = await visit(t, browser, url)
  await context.addInitScript(`for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, { get() { throw new DOMException('Access is denied', 'SecurityError') } })`)
  await page.goto(`${shop}/sign-in`)
  const banner = page.locator('.banner.bad')
  await banner.getByText('This browser lets the page keep nothing').waitFor()
  t.notMatch(await banner.innerText(), 'npm start')
  t.strictSame(foreign, [])
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

t.test('opened by another name, a page says where it is', async (t) => {
  const visitor = await visit(t, browser, url)
  const { page, sees } = visitor
  await page.goto(url.replace('localhost', 'shop.localhost'))
  await page.getByRole('heading', { name: 'Open it as localhost' }).waitFor()
  await assertNoBarriers(t, visitor, 'another name')
  await page.emulateMedia({ colorScheme: 'dark' })
  t.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(13, 18, 24)')
  await page.getByRole('link', { name: `${url}/` }).click()
  await sees('Sign in')
  t.strictSame(
    visitor.complaints.filter((text) => !/status of 403/.test(text)),
    [],
  )
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
  await assertNoBarriers(t, visitor, 'it does not answer')
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
