import { confirmAuthenticator, offerAuthenticator } from '../auth.js'
import { button, el } from '../dom.js'
import { form } from '../form.js'
import type { Shop, View, ViewName } from '../shop.js'
import { CODE } from './code.js'

/** Begins to add an authenticator app: the factor that a password needs at some apps, once there is a passkey. */
export const addAuthenticator = (shop: Shop) =>
  shop.act('Add an authenticator app', 'account', async () => {
    await shop.signedIn()
    shop.memory.secret = await offerAuthenticator()
    shop.go('authenticator')
    return 'The app is given a secret.'
  })

/** The secret for the app, and the code that shows that it has it. */
export function authenticatorView(shop: Shop): View | ViewName {
  const { secret } = shop.memory
  if (secret === undefined) return 'home'
  const hint = 'The code that your app shows then. This demo shows it among the messages.'
  const element = form([{ ...CODE, hint }], 'Add the app', ({ code = '' }) =>
    shop.act('Confirm the authenticator app', 'account', async () => {
      await shop.signedIn()
      await confirmAuthenticator(code)
      delete shop.memory.secret
      const told = 'Your authenticator app is added.'
      shop.go('home', told)
      return told
    }),
  )
  return {
    title: 'Add an authenticator app',
    content: [
      el('p', {}, 'Give your authenticator app this secret: ', el('code', {}, secret)),
      element,
      el(
        'div',
        { class: 'links' },
        button('Back', () => shop.go('home'), { class: 'link' }),
      ),
    ],
    shown: () => document.querySelector<HTMLInputElement>('#field-code')?.focus(),
  }
}
