/**
 * What an earlier start of the demo left in this browser. Its accounts are gone with it, so tokens and remembered names of
 * it can only mislead.
 */
const START = 'demo_start'
const STALE = /^(CognitoIdentityServiceProvider\.|CognitoSignInState\.|com\.amplify|cbo_|demo_)/

/** Clears what belongs to another start than this one, and tells if there was anything. */
export function clearStale(start: string): boolean {
  const known = localStorage.getItem(START)
  let cleared = false
  if (known !== start) {
    for (const storage of [localStorage, sessionStorage]) {
      for (const name of Object.keys(storage).filter((name) => STALE.test(name))) {
        storage.removeItem(name)
        cleared ||= name !== START
      }
    }
    localStorage.setItem(START, start)
  }
  // Another tab may have cleared what all share, but not what this one keeps for itself.
  if (sessionStorage.getItem(START) !== start) {
    for (const name of Object.keys(sessionStorage).filter((name) => STALE.test(name))) sessionStorage.removeItem(name)
    sessionStorage.setItem(START, start)
  }
  return cleared && known !== null
}
