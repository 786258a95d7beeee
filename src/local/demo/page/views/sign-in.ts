import { beginLogin, beginOwnCode, passwordSignIn } from '../auth.js'
import { button, el } from '../dom.js'
import { form } from '../form.js'
import { nameOf } from '../names.js'
import type { Shop, View, ViewName } from '../shop.js'
import { Told } from '../words.js'
import { finishWithProof, goOn } from './finish.js'

/** The way in: one tap for whom this device knows, else a name; or, if the tenant wants it first, name and password. */
export function signInView(shop: Shop): View | ViewName {
  shop.memory.byPasskey = false
  delete shop.memory.passkey
  if (!shop.passkeysPossible) return 'password'
  if (shop.tenant.flow === 'password-then-passkey') return passwordFirst(shop)
  const last = shop.passkeys.last()
  return last === undefined ? byName(shop) : welcomeBack(shop, last)
}

function welcomeBack(shop: Shop, last: string): View {
  const { tenant, passkeys } = shop
  const name = nameOf(tenant.tenantId, last)
  const oneTap = button(
    `Sign in as ${name}`,
    () => shop.act('Sign in with one tap', 'passkey', () => useByName(shop, last, 'one-tap')),
    { class: 'primary' },
  )
  const other = () => {
    passkeys.forget()
    shop.go('sign-in')
  }
  return {
    title: 'Welcome back',
    content: [
      el('p', {}, 'You used a passkey on this device last time.'),
      oneTap,
      links(shop, button('Use another account', other, { class: 'link' })),
    ],
  }
}

function byName(shop: Shop): View {
  const { tenant, passkeys, memory } = shop
  const label = tenant.signUp === 'email' ? 'E-mail address' : 'User name or e-mail address'
  const fields = [{ name: 'identifier', label, autocomplete: 'username webauthn', value: memory.identifier }] as const
  const element = form(fields, 'Continue', ({ identifier = '' }) => {
    memory.identifier = identifier
    return shop.act('Sign in with a passkey', 'passkey', () => useByName(shop, identifier, 'field'))
  })
  let waiting = false
  function suggest(): void {
    if (waiting) return
    waiting = true
    const suggestion = passkeys.suggest(() => {
      void shop.act('Sign in with a suggested passkey', 'passkey', async () => finishWithProof(shop, await suggestion))
    })
    // What went wrong after a passkey was chosen is told there; before, the person has asked for nothing.
    suggestion
      .catch(() => undefined)
      .finally(() => {
        waiting = false
      })
  }
  element.querySelector('input')?.addEventListener('focus', suggest)
  const content = [element, links(shop), people(shop)]
  return { title: 'Sign in', content, shown: suggest, left: () => passkeys.stop() }
}

async function useByName(shop: Shop, identifier: string, from: 'field' | 'one-tap'): Promise<string> {
  const found = await shop.passkeys.find(identifier, from)
  if ('use' in found) return finishWithProof(shop, await found.use(), identifier)
  if (found.unknown) throw new Told(found.code, found.text)
  shop.memory.identifier = nameOf(shop.tenant.tenantId, identifier)
  shop.go('password', found.text)
  return found.text
}

/**
 * Cognito checks the password first, and the code that the account may need; then the passkey is asked for. Whoever has none
 * yet signs in by the password alone.
 */
function passwordFirst(shop: Shop): View {
  const { tenant, memory } = shop
  const fields = [
    { name: 'identifier', label: 'User name', autocomplete: 'username', value: memory.identifier },
    { name: 'password', label: 'Password', autocomplete: 'current-password', type: 'password' },
  ] as const
  const element = form(fields, 'Sign in', ({ identifier = '', password = '' }) => {
    memory.identifier = identifier
    return shop.act('Sign in with password and passkey', 'password', async () => {
      delete memory.passkey
      const found = await shop.passkeys.find(identifier, 'field')
      if (!('use' in found)) return byPassword(shop, identifier, password)
      memory.passkey = found
      return goOn(shop, await beginLogin(tenant, identifier, password), SIGNED_IN)
    })
  })
  return { title: 'Sign in', content: [element, links(shop), people(shop)] }
}

const SIGNED_IN = 'Signed in with your password.'

async function byPassword(shop: Shop, identifier: string, password: string): Promise<string> {
  return goOn(shop, await passwordSignIn(shop.tenant, identifier, password), SIGNED_IN)
}

/** What stands where passkeys would be. */
export const noPasskeys = () =>
  el(
    'p',
    { class: 'note' },
    'This browser has no passkeys. Passwords work; for the rest of the demo open it in a newer browser.',
  )

/** By name and password alone, with whatever second factor the account has. */
export function passwordView(shop: Shop): View {
  const { tenant, memory } = shop
  const label = tenant.signUp === 'email' ? 'E-mail address' : 'User name'
  const fields = [
    { name: 'identifier', label, autocomplete: 'username', value: memory.identifier },
    { name: 'password', label: 'Password', autocomplete: 'current-password', type: 'password' },
  ] as const
  const element = form(fields, 'Sign in', ({ identifier = '', password = '' }) => {
    memory.identifier = identifier
    memory.password = password
    delete memory.passkey
    return shop.act('Sign in with a password', 'password', () => byPassword(shop, identifier, password))
  })
  const forgot = button('Forgotten your password?', () => shop.go('forgot'), { class: 'link' })
  const back = button('Use a passkey', () => shop.go('sign-in'), { class: 'link' })
  return {
    title: 'Your password',
    content: [
      ...(shop.passkeysPossible ? [] : [noPasskeys()]),
      element,
      el('div', { class: 'links' }, forgot, shop.passkeysPossible ? back : signUpLink(shop)),
      people(shop),
    ],
  }
}

const signUpLink = (shop: Shop) => button('Create an account', () => shop.go('sign-up'), { class: 'link' })

function links(shop: Shop, ...first: readonly HTMLElement[]): HTMLElement {
  const { tenant, memory } = shop
  const alone = tenant.flow === 'password-then-passkey' ? 'Use the password alone' : 'Use your password'
  const password = button(alone, () => shop.go('password'), { class: 'link' })
  const sendCode = () => {
    const identifier = document.querySelector<HTMLInputElement>('#field-identifier')?.value || memory.identifier
    if (!identifier) return shop.complain('Type your name first.')
    memory.identifier = identifier
    return shop.act(`Sign in with a code of ${tenant.displayName}`, 'account', async () => {
      shop.follow(await beginOwnCode(tenant, identifier))
      return 'If there is an account with this name, a code is on its way.'
    })
  }
  const code = tenant.ownCode && button('Send me a code instead', sendCode, { class: 'link' })
  return el('div', { class: 'links' }, ...first, password, code, signUpLink(shop))
}

/** Accounts that are there already, for whoever does not want to create one. */
function people({ tenant }: Shop): HTMLElement {
  const fill = (name: string, value: string) => {
    const input = document.querySelector<HTMLInputElement>(`#field-${name}`)
    if (input) input.value = value
  }
  const rows = tenant.people.map(({ identifier, password }) => {
    const use = () => {
      fill('identifier', identifier)
      fill('password', password)
      document.querySelector<HTMLButtonElement>('#view form button[type="submit"]')?.focus()
    }
    const label = `Fill in ${identifier}`
    return el(
      'li',
      {},
      el('span', { class: 'grow' }, el('strong', {}, identifier), el('code', {}, password)),
      button('Fill in', use, { class: 'small', 'aria-label': label }),
    )
  })
  return el(
    'details',
    { class: 'people' },
    el('summary', {}, 'Made-up accounts that are there already'),
    el('ul', {}, ...rows),
  )
}
