import {
  type ActiveProvocation,
  PATHS,
  type Provocation,
  type ProvocationInfo,
  type ProvokeAnswer,
  type ProvokeRequest,
} from '../../api.js'
import { ask, jsonOf } from '../ask.js'
import { button, el } from '../dom.js'

/** Buttons that let something go wrong for the tenant, on purpose. */
export interface Provoking {
  show(active: readonly ActiveProvocation[]): void
  setTenant(tenantId: string): void
}

const HOW = 'Switch one on, then sign in. What the user sees stands beside what the engineer on call sees.'

/** Makes the buttons in their place on the page. */
export function createProvoking(place: HTMLElement, infos: readonly ProvocationInfo[]): Provoking {
  const about = el('p', { class: 'hint', id: 'provoke-about', role: 'status' }, HOW)
  const buttons = new Map<Provocation, HTMLButtonElement>()
  let tenantId = ''
  let active: readonly ActiveProvocation[] = []
  const isOn = (what: Provocation) => active.some((one) => one.what === what && one.tenantId === tenantId)

  function show(): void {
    const on = infos.filter(({ what }) => isOn(what))
    for (const [what, element] of buttons) element.setAttribute('aria-pressed', String(isOn(what)))
    about.textContent = on.length === 0 ? HOW : on.map(({ about }) => about).join(' ')
    about.dataset.on = String(on.length > 0)
  }

  async function change(what: Provocation): Promise<void> {
    const request: ProvokeRequest = { tenantId, what, on: !isOn(what) }
    take(await ask<ProvokeAnswer>(PATHS.provoke, jsonOf(request)))
  }

  function take(body: Awaited<ReturnType<typeof ask<ProvokeAnswer>>>): void {
    if (!('active' in body)) {
      about.textContent = body.message
      return
    }
    active = body.active
    show()
  }

  for (const { what, label, about: text } of infos) {
    const id = `provoke-${what}`
    const element = button(label, () => change(what), { class: 'toggle', 'aria-pressed': 'false', title: text })
    element.setAttribute('aria-describedby', id)
    buttons.set(what, element)
    place.append(element, el('span', { id, hidden: true }, text))
  }
  place.after(about)
  void ask<ProvokeAnswer>(PATHS.provoke).then(take)

  return {
    show(next) {
      active = next
      show()
    },
    setTenant(next) {
      tenantId = next
      show()
    },
  }
}
