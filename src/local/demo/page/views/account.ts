import { confirmAccount, createAccount, forgetPassword, passwordSignIn, sendCodeAgain, setPassword } from '../auth.js'
import { button, el } from '../dom.js'
import { type Field, form } from '../form.js'
import { keepName } from '../names.js'
import type { Shop, View, ViewName } from '../shop.js'
import { CODE } from './code.js'

const digits = (count: number) =>
  [...crypto.getRandomValues(new Uint8Array(count))].map((byte) => String(byte % 10)).join('')

/** Nobody should think of a password for a demo, and none of a person's own belongs here. */
const madeUpPassword = () => `Made-up-${digits(6)}!`

const newPassword = (value: string): Field => ({
  name: 'password',
  label: 'Password',
  autocomplete: 'new-password',
  value,
  hint: 'Made up for you, so it is shown. Use none of your own here.',
})

/** Nobody is told here who has an account. */
const IF_ANY = 'If there is an account with this name,'
const AMONG = 'among the messages on this page.'

const links = (...all: readonly HTMLElement[]) => el('div', { class: 'links' }, ...all)

const startAgain = (shop: Shop, view: ViewName) => button('Start again', () => shop.go(view), { class: 'link' })

/** A new account. Everything is filled in: address, number and password are made up. */
export function signUpView(shop: Shop): View {
  const { tenant, memory } = shop
  const number = digits(4)
  const fields: Field[] = [
    {
      name: 'email',
      label: 'E-mail address',
      type: 'email',
      autocomplete: 'email',
      value: `guest-${number}@${tenant.tenantId}.example`,
    },
  ]
  if (tenant.requiredAttributes.includes('phone_number')) {
    const value = `+49302312${number}`
    fields.push({ name: 'phone', label: 'Mobile number', type: 'tel', autocomplete: 'tel', value })
  }
  fields.push(newPassword(madeUpPassword()))
  const element = form(fields, 'Create the account', ({ email = '', phone, password = '' }) =>
    shop.act('Create an account', 'account', async () => {
      const account = { email, password, ...(phone !== undefined && { phone }) }
      memory.identifier = await createAccount(tenant, account)
      memory.password = password
      const name = tenant.signUp === 'username' ? ` Your user name is ${memory.identifier}.` : ''
      shop.go('confirm', `The account is created.${name}`)
      return 'A code was sent by e-mail.'
    }),
  )
  const back = button('I have an account', () => shop.go('sign-in'), { class: 'link' })
  return { title: 'Create an account', content: [element, links(back)] }
}

/** The code that shows that the address is the user's. After it, the app signs in by the password that it still has. */
export function confirmView(shop: Shop): View | ViewName {
  const { tenant, memory } = shop
  const { identifier, password } = memory
  if (identifier === undefined) return 'sign-in'
  const element = form([{ ...CODE, hint: `We sent it by e-mail. It is ${AMONG}` }], 'Confirm', ({ code = '' }) =>
    shop.act('Confirm the account', 'account', async () => {
      await confirmAccount(identifier, code)
      const told = 'The account is confirmed.'
      if (password === undefined) shop.go('sign-in', told)
      else shop.follow(await passwordSignIn(tenant, identifier, password), told)
      return told
    }),
  )
  const again = () =>
    shop.act('Send the code again', 'account', async () => {
      await sendCodeAgain(identifier)
      return 'A new code was sent.'
    })
  return {
    title: 'Confirm your address',
    content: [element, links(button('Send the code again', again, { class: 'link' }), startAgain(shop, 'sign-up'))],
    shown: () => document.querySelector<HTMLInputElement>('#field-code')?.focus(),
  }
}

/** The first half of a forgotten password: whose. */
export function forgotView(shop: Shop): View {
  const { tenant, memory } = shop
  const label = tenant.signUp === 'email' ? 'E-mail address' : 'User name'
  const fields = [{ name: 'identifier', label, autocomplete: 'username', value: memory.identifier }] as const
  const element = form(fields, 'Send a code', ({ identifier = '' }) =>
    shop.act('Ask for another password', 'account', async () => {
      memory.identifier = identifier
      memory.sentBy = await forgetPassword(tenant, identifier)
      shop.go('new-password')
      return `${IF_ANY} a code was sent.`
    }),
  )
  const back = button('Back', () => shop.go('password'), { class: 'link' })
  return {
    title: 'Forgotten your password?',
    content: [el('p', {}, 'We send you a code with which you set another one.'), element, links(back)],
  }
}

/** The second half: the code and the new password. */
export function newPasswordView(shop: Shop): View | ViewName {
  const { tenant, memory } = shop
  const { identifier, sentBy } = memory
  if (identifier === undefined || sentBy === undefined) return 'forgot'
  const hint = `${IF_ANY} we sent it by ${sentBy}. It is then ${AMONG}`
  const element = form(
    [{ ...CODE, hint }, newPassword(madeUpPassword())],
    'Set the password',
    ({ code = '', password = '' }) =>
      shop.act('Set another password', 'account', async () => {
        await setPassword(identifier, code, password)
        keepName(tenant.tenantId, identifier, identifier)
        const told = 'Your password is changed. You are signed in with it.'
        shop.follow(await passwordSignIn(tenant, identifier, password), told)
        return told
      }),
  )
  const again = () =>
    shop.act('Send the code again', 'account', async () => {
      await forgetPassword(tenant, identifier)
      return `${IF_ANY} a new code was sent.`
    })
  return {
    title: 'Set another password',
    content: [element, links(button('Send the code again', again, { class: 'link' }), startAgain(shop, 'forgot'))],
    shown: () => document.querySelector<HTMLInputElement>('#field-code')?.focus(),
  }
}
