/** A form of the app: labelled fields, one button, and nothing sent twice. */
import { el, once } from './dom.js'

/** One field; `autocomplete` is what browsers and password managers go by. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly autocomplete: string
  readonly type?: 'text' | 'email' | 'password' | 'tel'
  readonly value?: string | undefined
  readonly hint?: string
  readonly numeric?: true
}

/** Makes a form; `send` gets what was typed. */
export function form(
  fields: readonly Field[],
  submit: string,
  send: (values: Readonly<Record<string, string>>) => Promise<unknown>,
): HTMLFormElement {
  const sending = el('button', { type: 'submit', class: 'primary' }, submit)
  const element = el('form', {}, ...fields.map(labelled), sending)
  element.addEventListener('submit', (event) => {
    event.preventDefault()
    const entries = [...new FormData(element)].map(([name, value]) => [name, String(value).trim()])
    void once(sending, () => send(Object.fromEntries(entries)))
  })
  return element
}

function labelled({ name, label, type = 'text', autocomplete, value, hint, numeric }: Field): HTMLElement {
  const id = `field-${name}`
  const input = el('input', {
    id,
    name,
    type,
    autocomplete,
    value,
    required: true,
    autocapitalize: 'none',
    spellcheck: 'false',
    inputmode: numeric && 'numeric',
    'aria-describedby': hint === undefined ? undefined : `${id}-hint`,
  })
  return el(
    'div',
    { class: 'field' },
    el('label', { for: id }, label),
    input,
    hint !== undefined && el('span', { class: 'hint', id: `${id}-hint` }, hint),
  )
}

/** Puts a code into the view that asks for one; false if none does. */
export function fillCode(code: string): boolean {
  const input = document.querySelector<HTMLInputElement>('#view input[autocomplete="one-time-code"]')
  if (input === null) return false
  input.value = code
  input.focus()
  return true
}
