/** One call as a row of a sequence diagram: an arrow from who called to whom, what it was, and what came of it. */
import { PARTIES, type Party, type TraceCall } from '../../api.js'
import { el, msText, prose } from '../dom.js'

const NAMES: Readonly<Record<Party, string>> = {
  browser: 'Browser',
  app: 'App',
  cognito: 'Cognito',
  gateway: 'Gateway',
  corbado: 'Corbado',
  aws: 'AWS',
  customer: 'Customer',
}

/** Always drawn; the others where something goes to them. */
const ALWAYS: readonly Party[] = ['browser', 'cognito', 'gateway', 'corbado']

/** Who takes part in these calls, from left to right. */
export function lanesOf(calls: Iterable<TraceCall>): readonly Party[] {
  const used = new Set<Party>(ALWAYS)
  for (const { from, to } of calls) used.add(from).add(to)
  return PARTIES.filter((party) => used.has(party))
}

/** The names over the lanes; rows say them by themselves. */
export function laneNames(lanes: readonly Party[]): HTMLElement {
  const names = lanes.map((party) => el('span', { class: party === 'gateway' ? 'ours' : undefined }, NAMES[party]))
  return el('div', { class: 'lanes', 'aria-hidden': 'true' }, ...names)
}

/** A row, which opens to what is behind it. */
export interface Row {
  readonly element: HTMLElement
  /** The call has come once more, with its log line. */
  show(call: TraceCall): void
  /** Who takes part has changed. */
  lay(lanes: readonly Party[]): void
}

/** Makes the row of a call. */
export function createRow(first: TraceCall): Row {
  let call = first
  const label = el('span', { class: 'label' })
  const arrow = el('span', { class: 'arrow', 'aria-hidden': 'true' })
  const behind = el('div', { class: 'behind' })
  const details = el('details', {}, el('summary', {}, label, arrow), behind)
  const element = el('li', { class: 'call' }, details)

  // Filled when it is opened: most never are.
  details.addEventListener('toggle', () => {
    if (details.open) behind.replaceChildren(...behindOf(call))
  })

  function show(next: TraceCall): void {
    call = next
    const { from, to, name, outcome, ok, ms, reason } = call
    element.dataset.ok = String(ok)
    element.dataset.to = to
    element.dataset.name = name
    label.replaceChildren(
      el('span', { class: 'unseen' }, `${NAMES[from]} to ${NAMES[to]}: `),
      el('strong', { class: 'called' }, name),
      outcome === '' ? '' : el('span', { class: 'outcome' }, outcome),
      reason !== undefined && reason !== outcome ? el('span', { class: 'reason' }, reason) : '',
      el('span', { class: 'ms' }, msText(ms)),
    )
    if (details.open) behind.replaceChildren(...behindOf(call))
  }

  show(first)
  return {
    element,
    show,
    lay(lanes) {
      const [a, b] = [lanes.indexOf(call.from), lanes.indexOf(call.to)]
      const [left, right] = [Math.min(a, b), Math.max(a, b)]
      element.classList.toggle('back', b < a)
      // What begins in the right half reads from the right, where else it would have no room.
      element.classList.toggle('end', left + 0.5 >= lanes.length / 2)
      element.style.setProperty('--left', String(left))
      element.style.setProperty('--right', String(right))
    },
  }
}

/** With milliseconds, which tell apart what happens at once. */
function timeText(at: Date): string {
  const digits = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 } as const
  return at.toLocaleTimeString(undefined, { ...digits, hour12: false })
}

function behindOf(call: TraceCall): HTMLElement[] {
  const { from, to, at, detail, meaning, requestId, flowId, reason, line } = call
  const facts: [string, string | undefined][] = [
    ['who', `${NAMES[from]} → ${NAMES[to]}`],
    ['when', timeText(new Date(at))],
    ['what', detail],
    ['reason', reason],
    ['meaning', meaning],
    ['request', requestId],
    ['login', flowId],
  ]
  const list = facts.flatMap(([term, fact]) =>
    fact === undefined ? [] : [el('dt', {}, term), el('dd', {}, ...prose(fact))],
  )
  const shown = el('dl', { class: 'facts' }, ...list)
  if (line === undefined) return [shown]
  return [shown, el('p', { class: 'hint' }, "The gateway's log line:"), el('pre', {}, JSON.stringify(line, null, 2))]
}
