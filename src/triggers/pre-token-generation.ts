import { type Static, Type } from 'typebox'
import { fieldsOf } from '../fields.js'
import { withClaim } from './claim.js'
import { isOurClient } from './our-client.js'
import { type Trigger, TriggerEvent } from './trigger.js'

const TokenEvent = Type.Object({
  ...TriggerEvent.properties,
  version: Type.Optional(Type.Unknown()),
  callerContext: Type.Optional(Type.Unknown()),
  response: Type.Optional(Type.Unknown()),
})
type TokenEvent = Static<typeof TokenEvent>

const versions = ['1', '2', '3'] as const

/** The only source of a login that ends just now, with nothing hosted, renewed, remembered or changed about it. */
const AUTHENTICATION = 'TokenGeneration_Authentication'

/**
 * Says in the tokens how their user signed in, if the tenant wants that and it is certain. The event does not tell: a password login
 * has the same source. So an app client is asked for through which nothing but our custom authentication can sign in.
 */
export const preTokenGeneration: Trigger<typeof TokenEvent> = {
  name: 'pre-token-generation',
  triggerSource: ['TokenGeneration'],
  kind: 'pass-through',
  schema: TokenEvent,
  async handle(event: TokenEvent, { tenant, now }) {
    const { login } = tenant.config
    const { clientId } = fieldsOf(event.callerContext)
    const wanted = event.triggerSource === AUTHENTICATION && isOurClient(event.callerContext, login) && login.claim
    if (!wanted || typeof clientId !== 'string' || !wanted.clientIds.includes(clientId)) return { outcome: 'unchanged' }
    const version = versions.find((known) => known === event.version)
    // An older config may still call a client ours that is not, and a flow the tenant's that was.
    const isProven = version !== undefined && !tenant.configStale && (await tenant.takesOnlyCustomAuth(clientId))
    if (!isProven) return { outcome: 'unchanged', reason: 'claim_unproven', level: 'warn' }
    const amr = login.flow === 'passkey' ? ['passkey'] : ['pwd', 'passkey']
    const claim = { amr, time: Math.floor(now / 1_000) }
    return { response: withClaim(version, event.response, wanted.name, claim), outcome: 'claimed' }
  },
}
