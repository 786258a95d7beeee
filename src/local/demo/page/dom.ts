/** Elements in short. Text is always text: nothing here takes markup. */

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>
type Child = Node | string | undefined | false

/** Makes an element; an attribute that is true stands without a value, one that is false or undefined is left out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  setAttributes(element, attributes)
  element.append(...children.filter((child) => child !== undefined && child !== false))
  return element
}

/** Sets attributes as {@link el} does; false and undefined take one away. */
export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) element.removeAttribute(name)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
}

/** A button that does something on this page, and nothing more until that is done. */
export function button(text: string, act: () => unknown, attributes: Attributes = {}): HTMLButtonElement {
  const element = el('button', { type: 'button', ...attributes }, text)
  element.addEventListener('click', () => void once(element, act))
  return element
}

/** Does what a control is for, unless that is still being done. Not `disabled`: that would take the focus away from it. */
export async function once(control: HTMLElement, act: () => unknown): Promise<void> {
  if (control.ariaDisabled === 'true') return
  control.ariaDisabled = 'true'
  try {
    await act()
  } finally {
    control.ariaDisabled = null
  }
}

/** The element that the page's document has under this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element
}

/** Says one sentence to who does not see what has changed. */
export function announce(text: string): void {
  byId('news').textContent = text
}

/** A text of the operator's pages, in which backticks stand for what is code. */
export function prose(text: string): (Node | string)[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? el('code', {}, part) : part))
}

/** How many milliseconds, for people. */
export function msText(ms: number | null): string {
  if (ms === null) return 'no answer'
  if (ms >= 10_000) return `${Math.round(ms / 1_000)} s`
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.max(1, Math.round(ms))} ms`
}
