import { type Static, Type } from 'typebox'
import { fieldsOf } from '../fields.js'
import { withClaim, withoutClaim } from './claim.js'
import { isOurClient } from './our-client.js'
import { type Trigger, TriggerEvent, type TriggerInput, type TriggerResult } from './trigger.js'

const TokenEvent = Type.Object({
  ...TriggerEvent.properties,
  version: Type.Optional(Type.Unknown()),
  callerContext: Type.Optional(Type.Unknown()),
  response: Type.Optional(Type.Unknown()),
})
type TokenEvent = Static<typeof TokenEvent>

const versions = ['1', '2', '3'] as const
const versionOf = ({ version }: TokenEvent) => versions.find((known) => known === version)

/**
 * The only source of a login that ends right now. The others are for hosted logins, refreshed tokens, known devices and new
 * passwords.
 */
const AUTHENTICATION = 'TokenGeneration_Authentication'

/**
 * Says in the tokens how their user signed in, if the tenant wants that and it is certain. The event does not tell: a
 * password login has the same source. So only app clients that allow no sign-in other than our custom authentication get
 * it.
 */
export const preTokenGeneration: Trigger<typeof TokenEvent> = {
  name: 'pre-token-generation',
  triggerSource: ['TokenGeneration'],
  kind: 'pass-through',
  schema: TokenEvent,
  handle: claimed,
  /**
   * Adds our claim to the answer of the customer's function. What the function itself says under that name is not ours, and
   * is removed, whether the tenant is served or not.
   */
  async onTop(event, chained, input) {
    const { claim } = input.tenant.config.login
    // Its fault was ignored: the event goes back as it came.
    if (chained.reason !== undefined) return chained
    if (claim === undefined) return chained
    const response = withoutClaim(chained.response ?? event.response, claim.name)
    const { status } = input.tenant.config
    const isServed = status === 'active' || status === 'passkeys-off'
    const own: TriggerResult = isServed ? await claimed({ ...event, response }, input) : { outcome: 'unchanged' }
    if (own.response) return { ...chained, ...own }
    const { outcome: _unchanged, ...why } = own
    return { ...chained, ...why, response }
  },
}

async function claimed(event: TokenEvent, { tenant, now }: TriggerInput): Promise<TriggerResult> {
  const { login } = tenant.config
  const { clientId } = fieldsOf(event.callerContext)
  const wanted = event.triggerSource === AUTHENTICATION && isOurClient(event.callerContext, login) && login.claim
  if (!wanted || typeof clientId !== 'string' || !wanted.clientIds.includes(clientId)) return { outcome: 'unchanged' }
  const version = versionOf(event)
  // An outdated config may name an app client or a flow that is no longer right.
  const isProven = version !== undefined && !tenant.configStale && (await tenant.takesOnlyCustomAuth(clientId))
  if (!isProven) return { outcome: 'unchanged', reason: 'claim_unproven', level: 'warn' }
  const amr = login.flow === 'passkey' ? ['passkey'] : ['pwd', 'passkey']
  const claim = { amr, time: Math.floor(now / 1_000) }
  return { response: withClaim(version, event.response, wanted.name, claim), outcome: 'claimed' }
}
