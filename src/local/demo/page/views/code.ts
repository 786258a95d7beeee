import { answer } from '../auth.js'
import { button, el } from '../dom.js'
import { type Field, form } from '../form.js'
import type { Shop, View, ViewName } from '../shop.js'
import { Told, toldOf } from '../words.js'
import { goOn } from './finish.js'

export const CODE: Field = {
  name: 'code',
  label: 'Code',
  autocomplete: 'one-time-code',
  numeric: true,
}

/** The second factor of an account, after its password. */
export function codeView(shop: Shop): View | ViewName {
  const { code } = shop.memory
  if (code === undefined) return 'sign-in'
  const { from, to } = code
  const sent = to === undefined ? 'to you' : `to ${to}`
  const where = {
    sms: `We sent a code ${sent} by SMS. It is among the messages on this page.`,
    email: `We sent a code ${sent} by e-mail. It is among the messages on this page.`,
    authenticator: 'Type the code that your authenticator app shows. This demo shows it among the messages.',
  }[from]
  return codeForm(shop, {
    title: from === 'authenticator' ? 'The code of your app' : 'We sent you a code',
    where,
    action: from === 'authenticator' ? 'Answer with the code of the app' : 'Answer with the code',
    told: 'Signed in with password and code.',
  })
}

/** The customer's own sign-in by one-time code, which its own function checks. */
export function ownCodeView(shop: Shop): View | ViewName {
  if (shop.memory.identifier === undefined) return 'sign-in'
  return codeForm(shop, {
    title: 'We sent you a code',
    where: `If there is an account with this name, ${shop.tenant.displayName} sent a code by e-mail. It is then among the messages on this page.`,
    action: `Answer with the code of ${shop.tenant.displayName}`,
    told: 'Signed in with the code.',
  })
}

function codeForm(
  shop: Shop,
  { title, where, action, told }: Readonly<Record<'title' | 'where' | 'action' | 'told', string>>,
): View {
  const element = form([{ ...CODE, hint: where }], 'Continue', ({ code = '' }) =>
    shop.act(action, 'code', async () => {
      const step = await answer(code)
      const expected = step.kind === 'done' || shop.memory.passkey !== undefined
      if (!expected) throw new Told('code_refused', 'This code is not the right one. Try again.')
      delete shop.memory.code
      return goOn(shop, step, told).catch((error) => {
        // Cognito asks for a passkey by now, which this form would answer with a code.
        throw toldOf(error, 'second passkey', { over: true })
      })
    }),
  )
  const again = button('Start again', () => shop.go('sign-in'), { class: 'link' })
  return {
    title,
    content: [element, el('div', { class: 'links' }, again)],
    shown: () => document.querySelector<HTMLInputElement>('#field-code')?.focus(),
  }
}
