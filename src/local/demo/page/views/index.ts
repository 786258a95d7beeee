import type { Session } from '../auth.js'
import type { MakeView, Shop, View, ViewName } from '../shop.js'
import { confirmView, forgotView, newPasswordView, signUpView } from './account.js'
import { authenticatorView } from './authenticator.js'
import { codeView, ownCodeView } from './code.js'
import { appendView, homeView } from './home.js'
import { passkeysView } from './passkeys.js'
import { passwordView, signInView } from './sign-in.js'

/** For nobody who is signed in: the back button leads there. */
const before =
  (make: MakeView): MakeView =>
  async (shop) =>
    (await shop.session()) ? 'home' : make(shop)

/** For who is signed in alone. */
const behind =
  (make: (shop: Shop, session: Session) => View | ViewName): MakeView =>
  async (shop) => {
    const session = await shop.session()
    return session === undefined ? 'sign-in' : make(shop, session)
  }

/** Every view of the app, by its name in the address. */
export const VIEWS: Readonly<Record<ViewName, MakeView>> = {
  'sign-in': before(signInView),
  password: before(passwordView),
  code: before(codeView),
  'own-code': before(ownCodeView),
  'sign-up': before(signUpView),
  confirm: before(confirmView),
  forgot: before(forgotView),
  'new-password': before(newPasswordView),
  append: behind(appendView),
  home: behind(homeView),
  passkeys: behind(passkeysView),
  authenticator: behind(authenticatorView),
}
