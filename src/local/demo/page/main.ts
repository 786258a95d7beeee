/** The demo's page: the customer's app on the left, what happens behind it on the right. */
import { type DemoConfig, type DemoTenant, PATHS } from '../api.js'
import { ask } from './ask.js'
import { byId, el } from './dom.js'
import { startPanel } from './panel/index.js'
import { startShop } from './shop.js'
import { clearStale } from './stale.js'
import { VIEWS } from './views/index.js'

function banner(kind: 'bad' | 'note', ...content: readonly (Node | string)[]): void {
  byId('banners').append(el('p', { class: `banner ${kind}` }, ...content))
}

/** The choice of the app, in the head of the page; the address says which one it is. */
function showTenants(tenants: readonly DemoTenant[]): void {
  const place = byId('tenants')
  const chosen = () => tenants.find(({ tenantId }) => tenantId === location.hash.split('/')[1]) ?? tenants[0]
  const radios = tenants.map((tenant) => {
    const radio = el('input', { type: 'radio', name: 'tenant', value: tenant.tenantId })
    radio.addEventListener('change', () => {
      location.hash = `#/${tenant.tenantId}/sign-in`
    })
    place.append(el('label', {}, radio, el('span', {}, tenant.displayName)))
    return radio
  })
  function show(): void {
    const tenant = chosen()
    if (tenant === undefined) return
    for (const radio of radios) radio.checked = radio.value === tenant.tenantId
    document.body.dataset.accent = String(tenants.indexOf(tenant) % 3)
    byId('app-name').textContent = tenant.displayName
    byId('app-tile').textContent = tenant.displayName.slice(0, 1)
    byId('app-address').textContent = `${tenant.tenantId}.example`
    byId('app-about').textContent = aboutOf(tenant)
  }
  window.addEventListener('hashchange', show)
  show()
}

function aboutOf({ flow, mfa, ownCode, connectTokens }: DemoTenant): string {
  const way = flow === 'passkey' ? 'The passkey is the whole sign-in' : 'First the password, then the passkey'
  const factor = {
    sms: 'a password needs an SMS code from then on',
    email: 'a password needs a code by e-mail from then on',
    'software-token': 'a password needs a code of the authenticator app, if the account has one',
    none: 'a password stays as it is',
  }[mfa]
  const own = ownCode ? ' It also has a one-time code of its own, which the gateway hands on.' : ''
  const tokens = connectTokens === 'gateway' ? ' The gateway gives its connect tokens.' : ''
  return `${way}; once there is one, ${factor}.${own}${tokens}`
}

class NoAnswer extends Error {}

async function start(): Promise<void> {
  const config = await ask<DemoConfig>(PATHS.config)
  if (!('tenants' in config)) throw new NoAnswer(config.message)
  if (clearStale(config.start)) {
    banner(
      'note',
      'The demo was started again, so accounts and sessions of the last time are gone. Its passkeys stay in your password manager under “localhost”; they open nothing here.',
    )
  }
  byId('version').textContent = ` · version ${config.gatewayVersion}`
  const panel = startPanel(config)
  showTenants(config.tenants)
  startShop(config.tenants, VIEWS, panel)
}

start().catch((error: unknown) => {
  const isDenied = error instanceof DOMException && error.name === 'SecurityError'
  const why = isDenied
    ? ['This browser lets the page keep nothing, which a sign-in needs. Allow storage for this address']
    : error instanceof NoAnswer
      ? ['The demo does not answer. Start it with ', el('code', {}, 'npm start')]
      : ['Something is wrong with it']
  banner('bad', 'The page cannot begin. ', ...why, `, then load this page again. (${error})`)
})
