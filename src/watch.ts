import { systemClock } from './call.js'
import { createWatchHandler } from './operator/watch/function.js'
import { readWatchSettings } from './operator/watch/settings.js'
import { createWatchUpstreams } from './upstreams/watch/index.js'

// The AWS SDK would write eight lines about Node 20 among the log's.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
const settings = readWatchSettings(process.env)
const look = createWatchHandler(settings, createWatchUpstreams(settings, systemClock), systemClock, (line) =>
  process.stdout.write(`${line}\n`),
)

/** The Lambda handler of the function that watches; what invokes it says nothing that it needs. */
export const handler = (_event: unknown, _context: unknown): Promise<void> => look()
