/**
 * The customer's app: one view at a time, named in the address (`#/<tenant>/<view>`), so that the back button works. What
 * a view needs from the one before stands in `memory`, and is gone when the page is loaded again: such a view then gives
 * way to the sign-in.
 */
import type { DemoTenant } from '../api.js'
import { currentSession, hasTokens, type Session, type Step, useTenant } from './auth.js'
import { byId, el } from './dom.js'
import type { Panel } from './panel/index.js'
import { createPasskeys, type Found, hasPasskeys, type Passkeys } from './passkeys.js'
import { type Attempt, sessionEnded, wordsOf } from './words.js'

export type ViewName =
  | 'sign-in'
  | 'password'
  | 'code'
  | 'own-code'
  | 'sign-up'
  | 'confirm'
  | 'forgot'
  | 'new-password'
  | 'append'
  | 'home'
  | 'passkeys'
  | 'authenticator'

/** What is on the screen. */
export interface View {
  readonly title: string
  readonly content: readonly (Node | string)[]
  /** Called once it is shown. */
  shown?(): void
  /** Called when it is left. */
  left?(): void
}

/** What one view leaves for the next. */
export interface Memory {
  /** What was typed as the account's name. */
  identifier?: string
  /** Of an account that is to be confirmed, or of a login that goes on without its passkey. */
  password?: string
  code?: Extract<Step, { kind: 'code' }>
  /** How the code for another password was sent. */
  sentBy?: 'SMS' | 'e-mail'
  /** Is asked for once Cognito has checked the password, and the code that the account may need. */
  passkey?: Found
  /** What an authenticator app is given, which is being added. */
  secret?: string
  /** Was the last sign-in by passkey? Then none needs to be created. */
  byPasskey?: boolean
}

/** What a view can do. */
export interface Shop {
  readonly tenant: DemoTenant
  readonly passkeys: Passkeys
  /** Can passkeys be used in this browser at all? */
  readonly passkeysPossible: boolean
  /** Empty once somebody is signed in. */
  readonly memory: Memory
  session(): Promise<Session | undefined>
  /** @throws Told if the session has ended */
  signedIn(): Promise<Session>
  go(view: ViewName, notice?: string): void
  /** Goes where Cognito's answer leads. */
  follow(step: Step, notice?: string): void
  /**
   * Does what the user asked for, under a title in the panel. What it answers is what the user is told, unless it leads to
   * another view; what it throws is told in the app's words, here or at the sign-in, and makes the answer false.
   */
  act(title: string, attempt: Attempt, work: () => Promise<string>): Promise<boolean>
  complain(text: string, detail?: string): void
}

export type MakeView = (shop: Shop) => View | ViewName | Promise<View | ViewName>

const MEMORIES = ['identifier', 'password', 'code', 'sentBy', 'passkey', 'secret', 'byPasskey'] as const

/** Where the address leads; the first tenant's sign-in if it leads nowhere. */
interface Place {
  readonly tenant: DemoTenant
  readonly view: string
}

/** Amplify writes the tokens of a session one after the other. */
const SETTLED_MS = 300

/** Shows the app, and follows the address from now on. */
export function startShop(
  tenants: readonly DemoTenant[],
  views: Readonly<Record<ViewName, MakeView>>,
  panel: Panel,
): void {
  const frame = byId('view')
  const alert = byId('alert')
  const status = byId('status')
  let shop: Shop | undefined
  let current: View | undefined
  let notice: string | undefined
  /** How often a view was left for one that has words of its own. */
  let moves = 0
  /** Were there tokens when the view was made? */
  let had = false
  // A view that takes time to make may be left before it is there.
  let turn = 0

  function place(): Place | undefined {
    const [, tenantId, view = ''] = location.hash.split('/')
    const tenant = tenants.find((one) => one.tenantId === tenantId) ?? tenants[0]
    return tenant && { tenant, view }
  }

  async function show(): Promise<void> {
    const to = place()
    if (to === undefined) return
    const mine = ++turn
    current?.left?.()
    current = undefined
    if (shop?.tenant !== to.tenant) shop = open(to.tenant)
    const { view, name } = await make(shop, isView(to.view) ? to.view : 'sign-in')
    if (mine !== turn) return
    if (name !== to.view) history.replaceState(null, '', `#/${to.tenant.tenantId}/${name}`)
    render(view, to.tenant)
  }

  async function make(shop: Shop, name: ViewName): Promise<{ view: View; name: ViewName }> {
    const made = await views[name](shop)
    return typeof made === 'string' ? make(shop, made) : { view: made, name }
  }

  const isView = (name: string): name is ViewName => Object.hasOwn(views, name)

  function render(view: View, tenant: DemoTenant): void {
    const first = frame.childElementCount === 0
    const title = el('h2', { tabindex: -1, id: 'view-title' }, view.title)
    frame.replaceChildren(title, ...view.content)
    document.title = `${view.title} · ${tenant.displayName} · Corbado Cognito gateway`
    alert.replaceChildren()
    status.textContent = notice ?? ''
    notice = undefined
    had = hasTokens()
    current = view
    // Whoever cannot see the change is taken to it. Not who has just opened the page and asked for none, and not who chooses
    // among the apps: the arrow keys go on from there.
    if (!first && !document.activeElement?.matches('#tenants input')) title.focus()
    view.shown?.()
  }

  function open(tenant: DemoTenant): Shop {
    shop?.passkeys.stop()
    useTenant(tenant)
    panel.setTenant(tenant)
    const passkeys = createPasskeys(tenant)
    const opened: Shop = {
      tenant,
      passkeys,
      passkeysPossible: hasPasskeys(),
      memory: {},
      async session() {
        const had = hasTokens()
        const session = await currentSession().catch(() => undefined)
        if (had && session === undefined) notice = sessionEnded().message
        return session
      },
      async signedIn() {
        const session = await currentSession().catch(() => undefined)
        if (session === undefined) throw sessionEnded()
        return session
      },
      go(name, text) {
        moves += 1
        notice = text
        const hash = `#/${tenant.tenantId}/${name}`
        if (location.hash === hash) void show()
        else location.hash = hash
      },
      follow(step, text) {
        if (step.kind === 'code') opened.memory.code = step
        const next = nextOf(step, opened)
        if (step.kind === 'done') for (const name of MEMORIES) delete opened.memory[name]
        opened.go(next, text)
      },
      async act(title, attempt, work) {
        alert.replaceChildren()
        status.textContent = ''
        const action = panel.begin(title)
        const before = moves
        try {
          const told = await work()
          action.end({ ok: true, text: told })
          if (moves === before) status.textContent = told
          return true
        } catch (error) {
          const { text, detail, over } = wordsOf(error, attempt)
          if (over) opened.go('sign-in', text)
          else opened.complain(text, detail)
          action.end({ ok: false, text })
          return false
        }
      },
      complain(text, detail) {
        alert.replaceChildren(
          el('p', {}, text),
          ...(detail === undefined ? [] : [el('p', { class: 'detail' }, detail)]),
        )
      },
    }
    return opened
  }

  window.addEventListener('hashchange', () => {
    // Any other is a place on this page, as of the link that skips to the app.
    if (location.hash.startsWith('#/')) void show()
  })
  // Another tab signed in or out: this one shows what is true now, once all of the tokens are written.
  let waiting: ReturnType<typeof setTimeout> | undefined
  window.addEventListener('storage', ({ key }) => {
    if (!key?.startsWith('CognitoIdentityServiceProvider.')) return
    clearTimeout(waiting)
    waiting = setTimeout(() => {
      if (hasTokens() !== had) void show()
    }, SETTLED_MS)
  })
  void show()
}

function nextOf(step: Step, { memory, passkeysPossible }: Shop): ViewName {
  switch (step.kind) {
    case 'done':
      return passkeysPossible && memory.byPasskey !== true ? 'append' : 'home'
    case 'code':
      return 'code'
    case 'challenge':
      return 'own-code'
    case 'confirm':
      return 'confirm'
    case 'reset':
      return 'forgot'
    default:
      return step satisfies never
  }
}
