import pino, { type DestinationStream, type Logger } from 'pino'
import { errorName, isGatewayError } from '../errors.js'
import { LOG_FIELDS, LOG_MESSAGES, type LogMessage } from './log-line.js'

const fields = new Set(Object.keys(LOG_FIELDS))
const messages = new Set<unknown>(Object.keys(LOG_MESSAGES))
const isListed = (text: unknown): text is LogMessage => messages.has(text)

/**
 * The net below the allow-list: whatever looks like a token, an e-mail, a key or a secret is cut out of any field. It looks
 * at values, since a field's name says nothing about what a dependency put there.
 */
const forbidden = /eyJ[\w-]{8,}|[^\s@]@[^\s@]+\.|whsec_|corbado1_|\b(AKIA|ASIA)[A-Z0-9]{12}/

/**
 * A pino logger that writes nothing but {@link LOG_FIELDS} and {@link LOG_MESSAGES}, not even for Fastify and its
 * plugins, which log through it too.
 */
export function createLogger(level: string, destination: DestinationStream): Logger {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: createTimestamp(),
      formatters: {
        level: (label) => ({ level: label }),
        log: allowed,
      },
      serializers: { err: toErr },
      hooks: {
        logMethod(args, method) {
          const [first, second]: unknown[] = args
          const [facts, text] = typeof first === 'object' ? [first, second] : [undefined, first]
          method.call(this, facts ?? {}, isListed(text) ? text : 'unlisted message')
        },
      },
    },
    destination,
  )
  // Bindings of a child would bypass the list.
  return Object.assign(logger, { child: () => logger })
}

/** Like pino's `isoTime`, but formats a millisecond only once, however many lines it has. */
function createTimestamp(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = `,"time":"${new Date(now).toISOString()}"`
    at = now
    return text
  }
}

/** The line itself if all of it may be written, as is usual; else a copy without the rest. */
function allowed(line: Record<string, unknown>): Record<string, unknown> {
  for (const name in line) if (!isAllowed(name, line[name])) return cleaned(line)
  return line
}

function isAllowed(name: string, value: unknown): boolean {
  return value === undefined || (fields.has(name) && !(typeof value === 'string' && forbidden.test(value)))
}

function cleaned(line: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(line).filter(([name]) => fields.has(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, isAllowed(name, value) ? value : '[redacted]']))
}

/**
 * An error's message may hold anything, so only its code is written; for a bug, also its name and its place in the code.
 */
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
