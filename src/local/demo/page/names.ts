/**
 * Corbado's client remembers who used a passkey last, after a suggestion in the field by the user name that Cognito made up.
 * The page keeps what people call that account.
 */
const keyOf = (tenantId: string, username: string) => `demo_name-${tenantId}-${username}`

/** Keeps what an account is called. */
export function keepName(tenantId: string, username: string, name: string): void {
  localStorage.setItem(keyOf(tenantId, username), name)
}

/** What an account is called; the user name itself if nothing else is known. */
export function nameOf(tenantId: string, username: string): string {
  return localStorage.getItem(keyOf(tenantId, username)) ?? username
}
