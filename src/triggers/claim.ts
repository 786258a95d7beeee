import { fieldsOf, textsOf } from '../fields.js'

/**
 * What the claim says about a login: which proofs it took (`amr`), and when it ended (`time`, in seconds since the epoch).
 */
export interface LoginClaim {
  readonly amr: readonly string[]
  readonly time: number
}

type Response = Readonly<Record<string, unknown>>

/** The claims to add and to suppress, with this claim set to `value`. */
function overridden(details: unknown, name: string, value: unknown): Response {
  const { claimsToAddOrOverride, claimsToSuppress, ...more } = fieldsOf(details)
  const suppress = textsOf(claimsToSuppress).filter((one) => one !== name)
  return {
    ...more,
    claimsToAddOrOverride: { ...fieldsOf(claimsToAddOrOverride), [name]: value },
    ...(claimsToSuppress !== undefined && claimsToSuppress !== null && { claimsToSuppress: suppress }),
  }
}

/**
 * A response of token generation without the claim of this name and without its suppression, whatever form the version of
 * the event gives it: that of versions to come too.
 */
export function withoutClaim(response: unknown, name: string): Response {
  function left(key: string, value: unknown): unknown {
    if (key === 'claimsToSuppress' && Array.isArray(value)) return value.filter((one) => one !== name)
    if (key !== 'claimsToAddOrOverride' || typeof value !== 'object' || value === null) return value
    const { [name]: _others, ...added } = fieldsOf(value)
    return added
  }
  return fieldsOf(JSON.parse(JSON.stringify(fieldsOf(response), left)))
}

/**
 * A response of token generation in which the claim of this name is ours alone: a value or a suppression from elsewhere is
 * removed. Groups are left alone: an empty set of them would suppress the user's (fact A54).
 * @param version of the event: in `1` a claim is a text, in ID tokens alone (fact A53)
 */
export function withClaim(version: '1' | '2' | '3', response: unknown, name: string, claim: LoginClaim): Response {
  const fields = fieldsOf(response)
  if (version === '1') {
    const value = JSON.stringify(claim)
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
