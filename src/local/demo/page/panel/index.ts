/** What happens behind the app: every call as it happens, in groups by what the user did; messages; and what can be broken. */
import type { DemoConfig, DemoTenant, TraceCall } from '../../api.js'
import { TAB } from '../ask.js'
import { byId } from '../dom.js'
import { createGroup, type Group, type Result } from './group.js'
import { createOutbox } from './outbox.js'
import { createProvoking } from './provoke.js'
import { followTrace } from './stream.js'

/** Something that the user began. */
export interface Action {
  /** What came of it, as the user was told. */
  end(result: Result): void
}

export interface Panel {
  /** From now on the app is this tenant's. */
  setTenant(tenant: DemoTenant): void
  begin(title: string): Action
}

/** Of an action that is kept for when the page is loaded again. */
interface Kept {
  readonly tenantId: string
  readonly title: string
  /** Milliseconds since the epoch. The server's clock is this machine's, but for who looks from another one. */
  readonly at: number
  result?: Result
}

const KEPT = 'demo_actions'
const KEPT_MAX = 20
/** What this tab has been called, each time that the page was loaded in it. */
const TABS = 'demo_tabs'

/** Starts to listen. */
export function startPanel(config: DemoConfig): Panel {
  const list = byId('groups')
  const empty = byId('groups-empty')
  const openedAt = Date.now()
  const kept: Kept[] = readKept()
  const tabs = new Set([...readTexts(TABS), TAB])
  sessionStorage.setItem(TABS, JSON.stringify([...tabs]))
  /** Calls of other tabs since this page was opened, with their tenants. */
  const others = new Map<number, string | undefined>()
  const groups: { readonly kept: Kept; readonly group: Group }[] = []
  const outbox = createOutbox(byId('outbox'))
  const provoking = createProvoking(byId('provoke'), config.provocations)
  let tenant = config.tenants[0]

  for (const one of kept) add(one)

  function add(one: Kept, begun = true): Group {
    for (const { group } of groups) group.close()
    const { title, tenantId, result } = one
    const group = createGroup({ title, number: groups.length + 1, tenantId, begun, result })
    groups.push({ kept: one, group })
    list.prepend(group.element)
    group.element.hidden = tenant !== undefined && tenant.tenantId !== one.tenantId
    empty.hidden = true
    return group
  }

  function place(call: TraceCall): void {
    const began = Date.parse(call.at)
    if (call.tab !== undefined && !tabs.has(call.tab)) {
      if (began >= openedAt) others.set(call.id, call.tenantId)
      showOthers()
      return
    }
    const owner = groups.findLast(({ kept: { at, tenantId } }) => {
      return at <= began && (call.tenantId === undefined || call.tenantId === tenantId)
    })
    if (owner) return void owner.group.put(call)
    // Of an earlier time, or of another tab: not this person's.
    if (began < openedAt || tenant === undefined) return
    if (call.tenantId !== undefined && call.tenantId !== tenant.tenantId) return
    add({ tenantId: tenant.tenantId, title: 'Open the page', at: began }, false).put(call)
  }

  function showOthers(): void {
    const count = [...others.values()].filter((tenantId) => tenantId === tenant?.tenantId).length
    const calls = count === 1 ? 'One call' : `${count} calls`
    byId('others').textContent =
      count === 0 ? '' : `${calls} of another tab or browser at this app: each tab shows its own.`
  }

  followTrace(config.start, (event) => {
    if (event.kind === 'call') place(event.call)
    else if (event.kind === 'message') outbox.put(event.message, Date.parse(event.message.at) >= openedAt)
    else provoking.show(event.active)
  })

  return {
    setTenant(next) {
      tenant = next
      showOthers()
      for (const { kept, group } of groups) group.element.hidden = kept.tenantId !== next.tenantId
      outbox.setTenant(next.tenantId)
      provoking.setTenant(next.tenantId)
    },
    begin(title) {
      const one: Kept = { tenantId: tenant?.tenantId ?? '', title, at: Date.now() }
      kept.push(one)
      const group = add(one)
      return {
        end(result) {
          one.result = result
          group.end(result)
          sessionStorage.setItem(KEPT, JSON.stringify(kept.slice(-KEPT_MAX)))
        },
      }
    },
  }
}

function readKept(): Kept[] {
  return JSON.parse(sessionStorage.getItem(KEPT) ?? '[]')
}

function readTexts(name: string): string[] {
  return JSON.parse(sessionStorage.getItem(name) ?? '[]')
}
