import type { MakeView, ViewName } from '../shop.js'
import { confirmView, forgotView, newPasswordView, signUpView } from './account.js'
import { authenticatorView } from './authenticator.js'
import { codeView, ownCodeView } from './code.js'
import { appendView, homeView } from './home.js'
import { passkeysView } from './passkeys.js'
import { passwordView, signInView } from './sign-in.js'

/** Every view of the app, by its name in the address. */
export const VIEWS: Readonly<Record<ViewName, MakeView>> = {
  'sign-in': signInView,
  password: passwordView,
  code: codeView,
  'own-code': ownCodeView,
  'sign-up': signUpView,
  confirm: confirmView,
  forgot: forgotView,
  'new-password': newPasswordView,
  append: appendView,
  home: homeView,
  passkeys: passkeysView,
  authenticator: authenticatorView,
}
