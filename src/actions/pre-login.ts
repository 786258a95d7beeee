import { type Static, Type } from 'typebox'
import { attributeFilter, isUsername } from '../ids.js'
import type { Reason, ReasonAt } from '../reasons.js'
import type { TenantConfig, TenantContext, User } from '../tenant/context.js'
import { type Action, ActionPayload, type ActionResult } from './action.js'

const PreLoginPayload = Type.Object({ ...ActionPayload.properties, identifier: Type.String() })
type PreLoginPayload = Static<typeof PreLoginPayload>
type PreLoginConfig = TenantConfig['actions']['preLogin']

/** Corbado's form of a refusal: `return` says whether the user hears of it (fact C9). */
interface PreLoginError {
  readonly return: boolean
  readonly code: string
  readonly message?: string
  readonly payload?: string
}

function refused(reason: Reason, error: PreLoginError): ActionResult {
  return { body: { identifier: '', error }, outcome: 'refused', reason }
}

/** Adds the user to a result, whatever it is: with their pseudonym on the log line, it can be found after a complaint. */
function about({ username }: User, result: ActionResult): ActionResult {
  return { ...result, username }
}

function found({ username }: User): ActionResult {
  return { body: { identifier: username }, outcome: 'found', username }
}

/** Why a login is refused without a fault. */
type Refusal = ReasonAt<'pre-login', 'refused'>

const silent = (code: Refusal) => refused(code, { return: false, code })

function untyped(reason: Refusal, { texts }: PreLoginConfig): ActionResult {
  return refused(reason, { return: true, code: 'untyped', message: texts.untyped })
}

function userNotFound({ unknownUser, texts }: PreLoginConfig): ActionResult {
  if (unknownUser === 'silent') return silent('user_not_found')
  return refused('user_not_found', { return: true, code: 'user_not_found', message: texts.userNotFound })
}

/** The answer for a user whom Cognito knows by the typed identifier itself. */
export function decideByStatus(user: User, config: PreLoginConfig): ActionResult {
  switch (user.status) {
    case 'CONFIRMED':
      return user.enabled ? found(user) : silent('account_disabled')
    case 'FORCE_CHANGE_PASSWORD':
      return silent('force_change_password')
    case 'RESET_REQUIRED':
      return refused('reset_required', { return: true, code: 'reset_required', payload: '' })
    default:
      return untyped('user_status_unhandled', config)
  }
}

/** The answer for the users who only have the typed identifier as an attribute. */
export function decideByAttribute(users: readonly User[], config: PreLoginConfig): ActionResult {
  const [user, second] = users
  if (!user) return userNotFound(config)
  if (second) return untyped('ambiguous_identifier', config)
  if (user.status === 'FORCE_CHANGE_PASSWORD') return silent('force_change_password')
  if (user.status !== 'CONFIRMED' || !user.enabled) return untyped('user_status_unhandled', config)
  return config.acceptAttributeMatch ? found(user) : untyped('attribute_match_only', config)
}

/** AWS documents Cognito's own comparison in two ways, so what it lists is compared again. */
function hasValue(user: User, attribute: string, value: string): boolean {
  const given = user.attributes[attribute]
  if (attribute === 'phone_number') return given === value
  return given?.toLowerCase() === value.toLowerCase()
}

/** The first two users with this attribute value: more would not change the answer. */
async function findByAttribute({ users, config }: TenantContext, identifier: string): Promise<User[]> {
  const { identifierAttribute } = config.actions.preLogin
  const filter = attributeFilter(identifierAttribute, identifier)
  const matches: User[] = []
  if (filter === undefined) return matches
  for await (const user of users.list(filter)) {
    if (hasValue(user, identifierAttribute, identifier)) matches.push(user)
    if (matches.length === 2) break
  }
  return matches
}

/**
 * Makes the same calls for everybody, side by side, and answers a name for everybody: if what was typed is no user's name,
 * and lets nobody in as an attribute, it is the name of nobody, always the same one. The log line still has the real user.
 */
async function decideWithDecoy(identifier: string, tenant: TenantContext): Promise<ActionResult> {
  const config = tenant.config.actions.preLogin
  const asked = [
    // Cognito finds users by an address in any case.
    tenant.nameOfNobody(identifier.toLowerCase()),
    tenant.users.find(identifier),
    findByAttribute(tenant, identifier),
  ] as const
  // An answer that did not wait for all would leave calls behind that Lambda freezes, and which then seem to have hung.
  await Promise.allSettled(asked)
  const [decoy, user, users] = [await asked[0], await asked[1], await asked[2]]
  if (user) return about(user, decideByStatus(user, config))
  const result = decideByAttribute(users, config)
  const [only, second] = users
  const told = result.outcome === 'found' ? result : { ...result, body: { identifier: decoy } }
  return only && !second ? about(only, told) : told
}

/** Turns what a user typed into the user name that Cognito knows. */
export const preLogin: Action<typeof PreLoginPayload> = {
  name: 'pre-login',
  schema: PreLoginPayload,
  whenOff: () => silent('passkeys_off'),
  async handle(payload: PreLoginPayload, tenant) {
    const config = tenant.config.actions.preLogin
    const identifier = payload.identifier.trim()
    if (!isUsername(identifier)) return userNotFound(config)
    if (config.unknownUser === 'decoy') return decideWithDecoy(identifier, tenant)
    const user = await tenant.users.find(identifier)
    if (user) return about(user, decideByStatus(user, config))
    const users = await findByAttribute(tenant, identifier)
    const [only, second] = users
    const result = decideByAttribute(users, config)
    return only && !second ? about(only, result) : result
  },
  /**
   * A fault must not block a login: the user goes on with the customer's own login, and is told so in the tenant's words.
   */
  whenFaulty({ reason, message }, tenant) {
    const text = tenant?.config.actions.preLogin.texts.untyped ?? message
    return refused(reason, { return: true, code: 'untyped', message: text })
  },
}
