import { currentSession, endSession, type Session } from '../auth.js'
import { button, el } from '../dom.js'
import { keepName } from '../names.js'
import { connectToken } from '../passkeys.js'
import type { Shop, View, ViewName } from '../shop.js'
import { sessionEnded } from '../words.js'
import { addAuthenticator } from './authenticator.js'
import { noPasskeys } from './sign-in.js'

/** Offers a passkey to whoever signed in without one. */
export function appendView(shop: Shop, session: Session): View | ViewName {
  if (!shop.passkeysPossible) return 'home'
  const name = session.email ?? session.username
  keepName(shop.tenant.tenantId, session.username, name)
  const create = () => addPasskey(shop, () => shop.go('home', 'Your passkey is created.'))
  return {
    title: 'Sign in faster next time',
    content: [
      el('p', {}, `Create a passkey for ${name}, and you sign in with the lock of your device.`),
      button('Create a passkey', create, { class: 'primary' }),
      el(
        'div',
        { class: 'links' },
        button('Not now', () => shop.go('home'), { class: 'link' }),
      ),
    ],
  }
}

/** Adds a passkey for who is signed in, then shows it; false if it did not come to that, which is told. */
export function addPasskey(shop: Shop, show: () => unknown): Promise<boolean> {
  return shop.act('Create a passkey', 'create passkey', async () => {
    const { idToken } = await shop.signedIn()
    const token = await connectToken(shop.tenant.tenantId, 'passkey-append', idToken)
    await shop.passkeys.add(token)
    await show()
    return 'A passkey was created.'
  })
}

/** The app behind the sign-in. */
export function homeView(shop: Shop, session: Session): View {
  const { username, email, claims, endsAt } = session
  const name = email ?? username
  keepName(shop.tenant.tenantId, username, name)
  const renew = () =>
    shop.act('Renew the session', 'account', async () => {
      const renewed = await currentSession({ renew: true })
      if (renewed === undefined) throw sessionEnded()
      shop.go('home', 'Your session is renewed.')
      return 'The session is renewed.'
    })
  const leave = () =>
    shop.act('Sign out', 'account', async () => {
      await endSession()
      shop.go('sign-in', 'You are signed out.')
      return 'Signed out.'
    })
  const facts = [
    ['Account', name],
    ['User name', username],
    ['Session until', new Date(endsAt).toLocaleTimeString()],
  ]
  return {
    title: `Hello, ${String(claims.given_name ?? name.split('@')[0])}`,
    content: [
      el('dl', { class: 'facts' }, ...facts.flatMap(([term, fact]) => [el('dt', {}, term), el('dd', {}, fact)])),
      shop.passkeysPossible ? button('Your passkeys', () => shop.go('passkeys'), { class: 'primary' }) : noPasskeys(),
      el(
        'div',
        { class: 'links' },
        button('Renew the session', renew, { class: 'link' }),
        shop.tenant.mfa === 'software-token' &&
          button('Add an authenticator app', () => addAuthenticator(shop), { class: 'link' }),
        button('Sign out', leave, { class: 'link' }),
      ),
      el(
        'details',
        { class: 'token' },
        el('summary', {}, 'What the ID token says'),
        el('pre', {}, JSON.stringify(claims, null, 2)),
      ),
    ],
  }
}
