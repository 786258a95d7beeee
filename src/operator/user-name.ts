import { userInfo } from 'node:os'

/** Who runs the command, for records. An account without a name, as in some containers, makes userInfo throw. */
export function userName(): string {
  try {
    return userInfo().username || 'unknown'
  } catch {
    return 'unknown'
  }
}
