/** The calls of one thing that the user did, what the user saw of it, and what the engineer on call sees. */
import { type ExplainAnswer, PATHS, type Party, type TraceCall } from '../../api.js'
import { ask } from '../ask.js'
import { announce, button, el, prose } from '../dom.js'
import { createRow, laneNames, lanesOf, type Row } from './sequence.js'

/** What came of it for the user. */
export interface Result {
  readonly ok: boolean
  readonly text: string
}

export interface Group {
  readonly element: HTMLElement
  put(call: TraceCall): void
  end(result: Result): void
  /** Another one begins. */
  close(): void
}

/**
 * Makes a group without calls.
 * @param about `begun`: somebody began it, so it has an end; `result`: it had one before the page was loaded
 */
export function createGroup(about: {
  readonly title: string
  readonly number: number
  readonly tenantId: string
  readonly begun: boolean
  readonly result: Result | undefined
}): Group {
  const calls = new Map<number, TraceCall>()
  const rows = new Map<number, Row>()
  const list = el('ol', { class: 'calls' })
  const count = el('span', { class: 'count' })
  const mark = el('span', { class: 'mark', hidden: !about.begun }, 'runs')
  const title = el('h3', {}, `${about.number}. ${about.title}`)
  const both = el('div', { class: 'both', hidden: true })
  const explained = el('div', { class: 'explained' })
  const heads = el('div', { class: 'heads' })
  const element = el(
    'details',
    { class: 'group', open: true },
    el('summary', {}, title, mark, count),
    heads,
    list,
    both,
    explained,
  )
  let lanes: readonly Party[] = []
  let result: Result | undefined
  let asked = false
  let announced = about.result !== undefined

  function layAgain(): void {
    const next = lanesOf(calls.values())
    if (next.join() !== lanes.join()) {
      lanes = next
      element.style.setProperty('--lanes', String(lanes.length))
      heads.replaceChildren(laneNames(lanes))
    }
    for (const row of rows.values()) row.lay(lanes)
  }

  function put(call: TraceCall): void {
    calls.set(call.id, call)
    const row = rows.get(call.id)
    if (row) row.show(call)
    else insert(call)
    layAgain()
    count.textContent = calls.size === 1 ? '1 call' : `${calls.size} calls`
    compare()
  }

  /** Calls are told as they end; they stand in the order in which they began. */
  function insert(call: TraceCall): void {
    const row = createRow(call)
    const later = [...rows.keys()].filter((id) => id > call.id).sort((a, b) => a - b)[0]
    rows.set(call.id, row)
    const before = later === undefined ? undefined : rows.get(later)?.element
    if (before) before.before(row.element)
    else list.append(row.element)
  }

  /** What the user saw beside what the engineer sees, if somebody was refused something. */
  function compare(): void {
    const ofGateway = [...calls.values()].filter(({ to }) => to === 'gateway')
    const refused = ofGateway.findLast(({ ok }) => !ok)
    both.hidden = result === undefined || (result.ok && refused === undefined)
    if (both.hidden || result === undefined) return
    both.replaceChildren(
      el('div', {}, el('h4', {}, 'What the user sees'), el('p', {}, result.text)),
      el('div', {}, el('h4', {}, ENGINEER), ...engineerSees(refused, ofGateway.at(-1))),
    )
    if (announced || refused?.line === undefined) return
    announced = true
    announce(`${ENGINEER}: ${refused.name}, ${refused.reason ?? refused.outcome}.`)
  }

  function end(ended: Result): void {
    result = ended
    mark.textContent = ended.ok ? 'done' : 'refused'
    element.dataset.ok = String(ended.ok)
    compare()
  }

  async function explain(flowId: string): Promise<void> {
    explained.querySelector('p')?.remove()
    explained.append(el('p', { class: 'hint', role: 'status' }, 'The command runs …'))
    const query = new URLSearchParams({ tenantId: about.tenantId, flowId })
    const body = await ask<ExplainAnswer>(`${PATHS.explain}?${query}`)
    const pressed = explained.contains(document.activeElement)
    const last =
      'text' in body
        ? el(
            'pre',
            { tabindex: 0, role: 'region', 'aria-label': 'Answer of explain' },
            `$ ${body.command}\n${body.text}`,
          )
        : again(flowId)
    const head =
      'text' in body ? el('h4', {}, 'What explain says of this login') : el('p', { role: 'alert' }, body.message)
    explained.replaceChildren(head, last)
    // The button that had the focus is gone.
    if (pressed) last.focus()
  }

  function offerExplain(): void {
    const flowId = [...calls.values()].find((call) => call.flowId !== undefined)?.flowId
    if (asked || flowId === undefined) return
    asked = true
    explained.append(again(flowId))
  }

  const again = (flowId: string) => button('Explain this login', () => explain(flowId), { class: 'small' })

  if (about.result) end(about.result)

  return {
    element,
    put(call) {
      put(call)
      offerExplain()
    },
    end,
    close() {
      element.open = false
    },
  }
}

const ENGINEER = 'What the engineer on call sees'

/**
 * What a line of the gateway says: its level, what was asked and what came of it; and what that means.
 * @param refused the last call that the gateway refused, if it refused one
 * @param last the last one that it was asked, if it was asked anything
 */
function engineerSees(refused: TraceCall | undefined, last: TraceCall | undefined): HTMLElement[] {
  const call = refused ?? last
  if (call === undefined) return [el('p', {}, 'Nothing: the gateway was not asked.')]
  const { name, outcome, reason, meaning = 'Its log line is still to come.', line } = call
  const level = typeof line?.level === 'string' ? line.level : 'info'
  return [
    el(
      'p',
      {},
      el('span', { class: 'level', 'data-level': level }, level),
      ` ${name}: ${outcome}`,
      reason !== undefined && reason !== outcome ? el('code', {}, reason) : '',
    ),
    el('p', {}, ...prose(refused ? meaning : 'Nothing was refused: the gateway did its part. This is its last line.')),
  ]
}
