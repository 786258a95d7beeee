import type { TenantConfig } from '../../../../tenant/config.js'
import {
  allowsCustomAuth,
  clientName,
  type PoolClient,
  type PoolClients,
  takesOnlyCustomAuth,
} from '../../../pool/clients.js'
import { type Check, dependent, type Finding, failed, IN_FILE, passed, warned } from '../finding.js'

/** What {@link checkClients} answers for; the later ones depend on the first. */
export const CLIENT_CHECKS = ['app-clients', 'enumeration', 'auth-session'] as const satisfies readonly Check[]

/** Of a tenant's config, what these checks go by. */
interface Settings {
  readonly login: Pick<TenantConfig['login'], 'flow' | 'clientIds' | 'claim'>
  readonly actions?: Partial<Pick<TenantConfig['actions'], 'postLogin'>> & { readonly preLogin?: unknown }
  readonly connectTokens?: TenantConfig['connectTokens']
}

/** The app clients that a config names, by the field that does. */
export function namedClients({ login, actions, connectTokens }: Settings): Readonly<Record<string, readonly string[]>> {
  return {
    'login.clientIds': login.clientIds ?? [],
    'login.claim': login.claim?.clientIds ?? [],
    'actions.postLogin': actions?.postLogin ? [actions.postLogin.clientId] : [],
    connectTokens: connectTokens?.clientIds ?? [],
  }
}

/** The app clients whose custom authentication is Corbado's. */
export function ownClients(
  clients: readonly PoolClient[],
  { clientIds }: Pick<Settings['login'], 'flow' | 'clientIds'>,
): readonly PoolClient[] {
  return clientIds ? clients.filter(({ ClientId }) => ClientId !== undefined && clientIds.includes(ClientId)) : clients
}

/** Can passkeys be used in an app of the pool, are the app clients there that the config names, and do their settings fit? */
export function checkClients(read: PoolClients, config: Settings): Finding[] {
  const { clients, unseen } = read
  const { login } = config
  const ours = ownClients(clients, login)
  const usable = ours.filter(allowsCustomAuth)
  const others = ours.filter((client) => !usable.includes(client))
  const more = unseen > 0 ? ` ${unseen} more were not looked at.` : ''
  if (usable.length === 0) {
    const what = `No app client allows ALLOW_CUSTOM_AUTH${others.length > 0 ? ` (${namesOf(others)} do not)` : ''}.${more}`
    const fix =
      'customer: add ALLOW_CUSTOM_AUTH to the ExplicitAuthFlows of each app client whose users are to have passkeys, by step 3 ' +
      'of the hand-over; all its other settings must be sent back as they are'
    return [failed('app-clients', what, fix), ...dependent(['enumeration', 'auth-session'], 'app-clients')]
  }
  const without = others.length > 0 ? ` ${namesOf(others)} do not allow it: no passkeys there.` : ''
  return [
    namedFault(read, config) ??
      passed('app-clients', `Custom authentication is allowed by ${namesOf(usable)}.${without}${more}`),
    enumeration(usable),
    authSession(usable, login.flow),
  ]
}

/** What is wrong with the app clients that a config names: not there, or of no use for what they are named for. */
function namedFault({ clients, ids }: PoolClients, config: Settings): Finding | undefined {
  const there = ids ?? clients.flatMap(({ ClientId }) => ClientId ?? [])
  const missing = Object.entries(namedClients(config)).flatMap(([field, named]) =>
    named.filter((id) => !there.includes(id)).map((id) => `${id} (${field})`),
  )
  if (missing.length > 0) {
    const what = `The pool has no app client ${missing.join(', ')}.`
    return failed('app-clients', what, `operator: ask the customer for the id, and correct it ${IN_FILE}`)
  }
  const { postLogin } = config.actions ?? {}
  const signsIn = clients.find(({ ClientId }) => ClientId !== undefined && ClientId === postLogin?.clientId)
  if (signsIn && !allowsCustomAuth(signsIn)) {
    const what = `post-login signs users in through ${clientName(signsIn)}, which does not allow ALLOW_CUSTOM_AUTH.`
    return failed(
      'app-clients',
      what,
      `customer: add ALLOW_CUSTOM_AUTH to the ExplicitAuthFlows of ${clientName(signsIn)}`,
    )
  }
  const claims = config.login.claim?.clientIds ?? []
  const open = clients.filter(
    (one) => one.ClientId !== undefined && claims.includes(one.ClientId) && !takesOnlyCustomAuth(one),
  )
  if (open.length === 0) return undefined
  const what = `Tokens of ${namesOf(open)} never have the claim: a user can sign in there in other ways too.`
  const fix =
    `customer: leave ${namesOf(open)} ALLOW_CUSTOM_AUTH and ALLOW_REFRESH_TOKEN_AUTH alone, and no hosted login ` +
    '(AllowedOAuthFlowsUserPoolClient false, AllowedOAuthFlows empty); or operator: ' +
    `take it out of login.claim ${IN_FILE}`
  return warned('app-clients', what, fix)
}

/** Without it an unknown user gets an error and a known one a challenge: anyone can find out who has an account. */
function enumeration(usable: readonly PoolClient[]): Finding {
  const telling = usable.filter(({ PreventUserExistenceErrors }) => PreventUserExistenceErrors !== 'ENABLED')
  if (telling.length === 0) return passed('enumeration', 'The app clients do not tell which users exist.')
  const what = `A login tells whether a user exists, through ${namesOf(telling)}.`
  return warned('enumeration', what, `customer: set PreventUserExistenceErrors to ENABLED in ${namesOf(telling)}`)
}

/** Minutes that Cognito gives a client to answer a challenge if nothing is set (fact A17). */
const SESSION_MINUTES = 3
/** What a password, a code and then the passkey take: as long as a proof lives (fact C6). */
const LONG_MINUTES = 5

function authSession(usable: readonly PoolClient[], flow: TenantConfig['login']['flow']): Finding {
  const minutesOf = ({ AuthSessionValidity = SESSION_MINUTES }: PoolClient) => AuthSessionValidity
  const short = flow === 'passkey' ? [] : usable.filter((client) => minutesOf(client) < LONG_MINUTES)
  if (short.length === 0) {
    const least = Math.min(...usable.map(minutesOf))
    return passed('auth-session', `A login has ${least} minutes between two answers.`)
  }
  const what = `A login with password, code and passkey has ${minutesOf(short[0] ?? {})} minutes between two answers.`
  return warned(
    'auth-session',
    what,
    `customer: set AuthSessionValidity to ${LONG_MINUTES} or more in ${namesOf(short)}`,
  )
}

function namesOf(clients: readonly PoolClient[]): string {
  return clients.map(clientName).join(', ')
}
