import type { Clock } from '../../call.js'
import type { Env } from '../../env.js'
import type { Upstreams } from '../../upstreams/index.js'

/** The gateway's own app in this process; the door brings it, since a command must not know it. */
export type OpenApp = (env: Env, upstreams: Upstreams, clock: Clock) => Promise<RunningApp>

export interface RunningApp {
  /** As Lambda calls the function; throws what Cognito would be told. */
  handle(payload: unknown, invokedFunctionArn: string): Promise<unknown>
  /** What was logged so far. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
  close(): Promise<void>
}
