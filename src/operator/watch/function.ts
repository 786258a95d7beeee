import type { Clock } from '../../call.js'
import { isUpstreamError } from '../../errors.js'
import { createPatientCall } from '../../upstreams/patience.js'
import type { WatchUpstreams } from '../../upstreams/watch/index.js'
import { createCloudWatchSource } from '../lines/cloudwatch.js'
import { lookOnce } from './look.js'
import type { WatchSettings } from './settings.js'

/** The longest that one request may take. */
const CALL_MS = 30_000

/**
 * The function that a rule invokes every five minutes. It writes one line a look, and throws if it could not look, so that Lambda
 * counts it: after three such looks an alarm rings. Nothing is kept between two looks but clients and their connections.
 * @param print takes a line
 */
export function createWatchHandler(
  { logGroups, hours }: Pick<WatchSettings, 'logGroups' | 'hours'>,
  upstreams: WatchUpstreams,
  clock: Clock,
  print: (line: string) => void,
): () => Promise<void> {
  const call = () => createPatientCall(CALL_MS, clock)
  const { ask } = createCloudWatchSource({ logs: upstreams.logs, groups: logGroups.split(','), clock, call })
  const publish = (message: Parameters<WatchUpstreams['publish']>[0]) => upstreams.publish(message, call())
  const table = { states: upstreams.states, call }

  return async () => {
    const begunAt = clock.elapsed()
    const write = (level: string, facts: object) => {
      const durationMs = Math.round(clock.elapsed() - begunAt)
      print(JSON.stringify({ time: new Date(clock.now()).toISOString(), level, msg: 'look', ...facts, durationMs }))
    }
    try {
      write('info', await lookOnce({ ask, table, publish, clock, hours: Number(hours) }))
    } catch (error) {
      const fault = isUpstreamError(error) ? error : undefined
      write('error', { failed: fault?.upstream, kind: fault?.kind, upstreamErrorType: fault?.facts.errorType })
      throw error
    }
  }
}
