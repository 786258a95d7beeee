import { buildForwarder } from './build.js'
import { parseSettingsOrExit } from './settings.js'

// Written at once: Lambda freezes the environment with the answer.
const forwarder = buildForwarder(parseSettingsOrExit(process.env), (line) => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
})

/** The Lambda handler. Exactly two parameters: the runtime refuses handlers that declare a third. */
export const handler: typeof forwarder.handler = (event, context) => forwarder.handler(event, context)
