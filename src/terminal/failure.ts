import { CommanderError } from 'commander'
import { EnvInvalid, isGatewayError, isUpstreamError } from '../errors.js'

/** The command cannot start as it was called; the message completes "error: …". */
export class WrongUsage extends Error {}

/** The command was called rightly and cannot do its work here; the message completes "error: …". */
export class NotPossible extends Error {}

/** What ended a command: its line for stderr (none if it was printed already) and the exit code. */
export interface Failure {
  readonly line?: string
  readonly exitCode: 0 | 1 | 2
}

/** Tells the expected ends of a command from a bug; undefined for a bug, whose stack must be shown. */
export function failureOf(error: unknown): Failure | undefined {
  // Commander has printed its message; it calls help and version errors too, with exit code 0.
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 }
  if (error instanceof WrongUsage || error instanceof EnvInvalid) return { line: error.message, exitCode: 2 }
  if (error instanceof NotPossible) return { line: error.message, exitCode: 1 }
  if (isUpstreamError(error)) return { line: upstreamLine(error), exitCode: 1 }
  if (isGatewayError(error)) return { line: `${error.message} [${error.code}]`, exitCode: 1 }
  return undefined
}

/** The public text is written for end users; the operator needs what the dependency said. */
function upstreamLine(
  error: Error & { code: string; reason: string; facts: { requestId?: string | undefined } },
): string {
  const { code, reason, facts, cause } = error
  // A name that says nothing is not a dependency's.
  const name = cause instanceof Error && cause.name !== 'Error' ? `${cause.name}: ` : ''
  const said = cause instanceof Error ? `: ${name}${cause.message.replace(/\s+/g, ' ')}` : ''
  const request = facts.requestId === undefined ? '' : `, request ${facts.requestId}`
  return `${reason}${said} [${code}${request}]`
}
