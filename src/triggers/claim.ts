import { fieldsOf, textsOf } from '../fields.js'

/**
 * What the claim says about a login: which proofs it took (`amr`), and when it ended (`time`, in seconds since the epoch).
 */
export interface LoginClaim {
  readonly amr: readonly string[]
  readonly time: number
}

type Response = Readonly<Record<string, unknown>>

/** The claims to add and to suppress, with this claim set to `value`, or left out of both if that is undefined. */
function overridden(details: unknown, name: string, value: unknown): Response {
  const { claimsToAddOrOverride, claimsToSuppress, ...more } = fieldsOf(details)
  const { [name]: _others, ...added } = fieldsOf(claimsToAddOrOverride)
  const add = value === undefined ? added : { ...added, [name]: value }
  const suppress = textsOf(claimsToSuppress).filter((one) => one !== name)
  return {
    ...more,
    ...((claimsToAddOrOverride || value !== undefined) && { claimsToAddOrOverride: add }),
    ...(claimsToSuppress !== undefined && claimsToSuppress !== null && { claimsToSuppress: suppress }),
  }
}

/**
 * A response of token generation in which the claim of this name is ours alone: a value or a suppression from elsewhere is
 * removed. Groups are left alone: an empty set of them would suppress the user's (fact A54).
 * @param version of the event: in `1` a claim is a text, in ID tokens alone (fact A53)
 * @param claim undefined: the tokens get none
 */
export function withClaim(version: '1' | '2' | '3', response: unknown, name: string, claim?: LoginClaim): Response {
  const fields = fieldsOf(response)
  if (version === '1') {
    const value = claim && JSON.stringify(claim)
    return { ...fields, claimsOverrideDetails: overridden(fields.claimsOverrideDetails, name, value) }
  }
  const details = fieldsOf(fields.claimsAndScopeOverrideDetails)
  const claimsAndScopeOverrideDetails = {
    ...details,
    idTokenGeneration: overridden(details.idTokenGeneration, name, claim),
    accessTokenGeneration: overridden(details.accessTokenGeneration, name, claim),
  }
  return { ...fields, claimsAndScopeOverrideDetails }
}
