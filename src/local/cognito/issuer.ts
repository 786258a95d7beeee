import type { Clock } from '../../call.js'
import { createGrants, type Grant } from './grants.js'
import { type Login, triggerRequest } from './login.js'
import type { User } from './pools.js'
import { type ClaimsOverride, createTokens, readClaimsOverride } from './tokens.js'
import type { Fire } from './triggers.js'

const NO_OVERRIDE: ClaimsOverride = { claimsToAddOrOverride: {}, claimsToSuppress: [] }

/** Whom tokens are issued to. */
export type Recipient = Pick<Login, 'pool' | 'client' | 'userName' | 'clientMetadata'> & { readonly user: User }

/** Issues the tokens of a login, once it is over and whenever they are renewed, and remembers what was issued. */
export function createIssuer(fire: Fire, clock: Clock) {
  const tokens = createTokens(clock)
  const grants = createGrants(clock)

  async function sign(recipient: Recipient, grant: Grant, triggerSource: string) {
    const { pool, user } = recipient
    const groupConfiguration = { groupsToOverride: [], iamRolesToOverride: [], preferredRole: null }
    const override = await fire('PreTokenGeneration', recipient, {
      triggerSource,
      request: { ...triggerRequest(recipient), groupConfiguration },
      response: { claimsOverrideDetails: null },
      read: readClaimsOverride,
    })
    return tokens.sign({ pool, user, grant, override: override ?? NO_OVERRIDE })
  }

  return {
    grants,
    readAccessToken: tokens.readAccessToken,
    /** The tokens of a login that was just passed. */
    async issue(recipient: Recipient) {
      const grant = grants.open(recipient.pool, recipient.client, recipient.user)
      const signed = await sign(recipient, grant, 'TokenGeneration_Authentication')
      return { ...signed, RefreshToken: grant.refreshToken }
    },
    /** New tokens of a login passed earlier; its refresh token stays as it is. */
    renew: (recipient: Recipient, grant: Grant) => sign(recipient, grant, 'TokenGeneration_RefreshTokens'),
  }
}

export type Issuer = ReturnType<typeof createIssuer>
