import { button, el } from '../dom.js'
import { connectToken, type PasskeyInfo } from '../passkeys.js'
import type { Shop, View, ViewName } from '../shop.js'
import { toldOf } from '../words.js'
import { addPasskey } from './home.js'

/** The passkeys of who is signed in. */
export function passkeysView(shop: Shop): View | ViewName {
  if (!shop.passkeysPossible) return 'home'
  const list = el('ul', { class: 'passkeys', 'aria-label': 'Your passkeys' })
  const none = el('p')
  const again = button('Try again', () => show())
  const dialog = el('dialog', { 'aria-labelledby': 'delete-title' })
  // One token lists several times; the route gives one of a kind in two seconds.
  let listToken: string | undefined

  async function tokenFor(type: 'passkey-list' | 'passkey-delete'): Promise<string> {
    const { idToken } = await shop.signedIn()
    return connectToken(shop.tenant.tenantId, type, idToken)
  }

  async function read(): Promise<void> {
    try {
      listToken ??= await tokenFor('passkey-list')
      const passkeys = await shop.passkeys.list(listToken)
      list.replaceChildren(...passkeys.map(row))
      none.textContent = 'You have no passkey.'
      none.hidden = passkeys.length > 0
      again.hidden = true
    } catch (error) {
      listToken = undefined
      list.replaceChildren()
      none.hidden = true
      again.hidden = false
      throw toldOf(error, 'list passkeys')
    }
  }

  function row(one: PasskeyInfo): HTMLElement {
    const what = `${one.name}, created at ${one.made.toLocaleTimeString()}`
    const used = `created ${one.made.toLocaleString()} · last used ${one.used.toLocaleString()}`
    return el(
      'li',
      {},
      el(
        'span',
        { class: 'grow' },
        el('strong', {}, one.name),
        el('span', { class: 'hint' }, one.where, el('br'), used),
      ),
      button('Delete', () => ask(one, what), { class: 'small danger', 'aria-label': `Delete ${what}` }),
    )
  }

  function ask(one: PasskeyInfo, what: string): void {
    const remove = () => {
      dialog.close()
      return shop
        .act('Delete a passkey', 'delete passkey', async () => {
          await shop.passkeys.remove(await tokenFor('passkey-delete'), one.id)
          await read()
          return 'The passkey is deleted.'
        })
        .then(() => document.getElementById('view-title')?.focus())
    }
    dialog.replaceChildren(
      el('h3', { id: 'delete-title' }, 'Delete this passkey?'),
      el('p', {}, `${what}. It opens nothing any more, and your browser is told to remove it.`),
      el(
        'div',
        { class: 'choice' },
        button('Delete it', remove, { class: 'danger' }),
        button('Keep it', () => dialog.close(), { autofocus: true }),
      ),
    )
    dialog.showModal()
  }

  const show = () => {
    none.textContent = 'Reading your passkeys …'
    none.hidden = false
    again.hidden = true
    return shop.act('List your passkeys', 'list passkeys', async () => {
      await read()
      const count = list.childElementCount
      return count === 1 ? 'You have one passkey.' : `You have ${count || 'no'} passkeys.`
    })
  }
  return {
    title: 'Your passkeys',
    content: [
      none,
      again,
      list,
      button('Add a passkey', () => addPasskey(shop, read), { class: 'primary' }),
      el(
        'div',
        { class: 'links' },
        button('Back', () => shop.go('home'), { class: 'link' }),
      ),
      dialog,
    ],
    shown: () => void show(),
  }
}
