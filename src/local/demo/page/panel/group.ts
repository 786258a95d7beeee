/** The calls of one thing that the user did, what the user saw of it, and what the engineer on call sees. */
import { type ExplainAnswer, PATHS, type Party, type TraceCall } from '../../api.js'
import { ask } from '../ask.js'
import { button, el, prose } from '../dom.js'
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
 * @param about `begun`: somebody began it, so it has an end
 */
export function createGroup(about: { title: string; number: number; tenantId: string; begun: boolean }): Group {
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
    const seen = engineerSees([...calls.values()])
    both.hidden = result === undefined || (result.ok && seen === undefined)
    if (both.hidden || result === undefined) return
    both.replaceChildren(
      el('div', {}, el('h4', {}, 'What the user sees'), el('p', {}, result.text)),
      el('div', {}, el('h4', {}, 'What the engineer on call sees'), ...(seen ?? [el('p', {}, NOTHING)])),
    )
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

  return {
    element,
    put(call) {
      put(call)
      offerExplain()
    },
    end(ended) {
      result = ended
      mark.textContent = ended.ok ? 'done' : 'refused'
      element.dataset.ok = String(ended.ok)
      compare()
    },
    close() {
      element.open = false
    },
  }
}

const NOTHING = 'Nothing: the gateway was not asked.'

/** Of the last call of the gateway that was refused: its line's level, its reason, and what that means. */
function engineerSees(calls: readonly TraceCall[]): HTMLElement[] | undefined {
  const call = calls.findLast(({ to, ok }) => to === 'gateway' && !ok)
  if (call === undefined) return undefined
  const { name, outcome, reason, meaning, line } = call
  const level = typeof line?.level === 'string' ? line.level : 'info'
  return [
    el(
      'p',
      {},
      el('span', { class: 'level', 'data-level': level }, level),
      ` ${name}: ${outcome}`,
      reason !== undefined && reason !== outcome ? el('code', {}, reason) : '',
    ),
    el('p', {}, ...prose(meaning ?? 'Its log line is still to come.')),
  ]
}
