import { type Static, Type } from 'typebox'
import { ActionUserNotFound } from '../errors.js'
import { isUsername } from '../ids.js'
import type { ReasonAt } from '../reasons.js'
import { type Action, ActionPayload, type ActionResult } from './action.js'

const PostAppendPayload = Type.Object({ ...ActionPayload.properties, username: Type.String() })
type PostAppendPayload = Static<typeof PostAppendPayload>

function unchanged(reason: ReasonAt<'post-append', 'unchanged'>, username?: string): ActionResult {
  return { body: {}, outcome: 'unchanged', reason, ...(username !== undefined && { username }) }
}

/** Sets the tenant's MFA factor for a user who has none, once a passkey exists. Safe to repeat. */
export const postAppend: Action<typeof PostAppendPayload> = {
  name: 'post-append',
  schema: PostAppendPayload,
  whenOff: () => unchanged('passkeys_off'),
  async handle({ username }: PostAppendPayload, { config, users }) {
    const { mfa } = config.actions.postAppend
    if (mfa === 'none') return unchanged('no_factor_configured')
    const user = isUsername(username) ? await users.find(username) : undefined
    if (!user) throw new ActionUserNotFound()
    if (user.mfaFactors.length > 0) return unchanged('factor_present', user.username)
    const outcome = await users.preferMfa(user.username, mfa)
    if (outcome === 'no-user') throw new ActionUserNotFound()
    if (outcome === 'not-possible') return unchanged('factor_not_possible', user.username)
    return { body: {}, outcome: 'factor_set', username: user.username }
  },
}
