import type { TenantConfig } from '../../../../tenant/config.js'
import { allowsCustomAuth, clientName, type PoolClient, type PoolClients } from '../../../pool/clients.js'
import { type Check, dependent, type Finding, failed, passed, warned } from '../finding.js'

/** What {@link checkClients} answers for; the later ones depend on the first. */
export const CLIENT_CHECKS = ['app-clients', 'enumeration', 'auth-session'] as const satisfies readonly Check[]

/** Can passkeys be used in an app of the pool, and do its app clients' settings fit? */
export function checkClients(
  { clients, unseen }: PoolClients,
  { login }: { login: Pick<TenantConfig['login'], 'flow'> },
): Finding[] {
  const usable = clients.filter(allowsCustomAuth)
  const others = clients.filter((client) => !usable.includes(client))
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
    passed('app-clients', `Custom authentication is allowed by ${namesOf(usable)}.${without}${more}`),
    enumeration(usable),
    authSession(usable, login.flow),
  ]
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
