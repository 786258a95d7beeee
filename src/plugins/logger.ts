import pino, { type DestinationStream, type Logger } from 'pino'
import { errorName, isGatewayError } from '../errors.js'
import { LOG_FIELDS, LOG_MESSAGES } from './log-line.js'

/**
 * The net below the allow-list: what looks like a token, an e-mail, a key or a secret is cut out of any field. It goes by
 * the value, since a name says nothing of what a dependency put there.
 */
const forbidden = /eyJ[\w-]{8,}|[^\s@]@[^\s@]+\.|whsec_|corbado1_|\b(AKIA|ASIA)[A-Z0-9]{12}/

/**
 * A pino logger that writes nothing but {@link LOG_FIELDS} and {@link LOG_MESSAGES}, whoever calls it: Fastify and its
 * plugins log through it too.
 */
export function createLogger(level: string, destination: DestinationStream): Logger {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: allowed,
      },
      serializers: { err: toErr },
      hooks: {
        logMethod(args, method) {
          const facts = typeof args[0] === 'object' ? args[0] : undefined
          const text = facts ? args[1] : args[0]
          const known = LOG_MESSAGES.find((message) => message === text)
          method.apply(this, [facts ?? {}, known ?? 'unlisted message'])
        },
      },
    },
    destination,
  )
  // Bindings of a child would go round the list.
  return Object.assign(logger, { child: () => logger })
}

function allowed(line: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const name in line) {
    const value = line[name]
    if (value === undefined || !Object.hasOwn(LOG_FIELDS, name)) continue
    kept[name] = typeof value === 'string' && forbidden.test(value) ? '[redacted]' : value
  }
  return kept
}

/** An error's message may hold anything, so only its code is written; a bug also shows where it is, not what it said. */
function toErr(error: unknown): Record<string, unknown> {
  if (isGatewayError(error)) return { code: error.code }
  if (!(error instanceof Error)) return { code: 'GW_ERR_INTERNAL' }
  const { stack = '', message } = error
  // The message comes first in a stack, and may itself look like frames.
  const end = stack.indexOf(message)
  const frames = end === -1 ? '' : stack.slice(end + message.length)
  const at = frames.split('\n').filter((line) => /^\s+at /.test(line))
  return {
    code: 'GW_ERR_INTERNAL',
    name: errorName(error.name),
    at: at.slice(0, 5).map((line) => line.trim().slice(0, 200)),
  }
}
