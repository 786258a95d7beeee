import type { OutboxMessage } from '../../api.js'
import { announce, button, el } from '../dom.js'
import { fillCode } from '../form.js'

/** Mails and texts of the tenant, the newest first, each with its code ready to be used. */
export interface Outbox {
  /** @param fresh it has just been sent, so it is announced */
  put(message: OutboxMessage, fresh: boolean): void
  setTenant(tenantId: string): void
}

const SHOWN_MAX = 5

/** What a message came by. Nothing is sent to an authenticator app; it shows a code of its own. */
const MEDIA: Readonly<Record<OutboxMessage['medium'], string>> = { email: 'Mail', sms: 'SMS', authenticator: 'App' }

/** Makes the outbox in its place on the page. */
export function createOutbox(place: HTMLElement): Outbox {
  const messages = new Map<number, OutboxMessage>()
  const list = el('ul', { class: 'messages' })
  const none = el('p', { class: 'hint' }, 'Nothing was sent yet. Codes by mail and SMS arrive here.')
  place.append(none, list)
  let tenantId = ''

  function show(): void {
    const own = [...messages.values()].filter((one) => one.tenantId === tenantId)
    const newest = own.sort((a, b) => b.id - a.id).slice(0, SHOWN_MAX)
    none.hidden = newest.length > 0
    list.replaceChildren(...newest.map(item))
  }

  return {
    put(message, fresh) {
      messages.set(message.id, message)
      show()
      if (!fresh || message.tenantId !== tenantId) return
      const { at, medium, to, code } = message
      announce(`${MEDIA[medium]} for ${to} at ${new Date(at).toLocaleTimeString()}: code ${code}.`)
    },
    setTenant(next) {
      tenantId = next
      show()
    },
  }
}

function item({ id, at, medium, to, subject, text, code }: OutboxMessage): HTMLElement {
  const use = button('Use', () => takeCode(code, use), { class: 'small', 'aria-label': `Use the code ${code}` })
  return el(
    'li',
    { 'data-id': id },
    el(
      'p',
      { class: 'head' },
      el('span', { class: 'medium' }, MEDIA[medium]),
      el('span', { class: 'grow' }, to),
      el('time', { datetime: at }, new Date(at).toLocaleTimeString()),
    ),
    el(
      'p',
      { class: 'body' },
      el('span', { class: 'grow' }, subject ?? text),
      el('strong', { class: 'code' }, code),
      use,
    ),
  )
}

/** Into the form that waits for it, or else to the clipboard, which the button then says. */
async function takeCode(code: string, use: HTMLElement): Promise<void> {
  if (fillCode(code)) return
  const copied = navigator.clipboard.writeText(code)
  const told = await copied.then(
    () => 'Copied',
    () => 'Not copied',
  )
  use.textContent = told
  use.ariaLabel = `${told}: the code ${code}`
  announce(`${told}: the code ${code}.`)
}
