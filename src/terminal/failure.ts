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
  /** What `--json` says of it; none if the command did what it was asked, as `--help` does. */
  readonly error?: {
    readonly message: string
    readonly exitCode: 1 | 2
    /** `GW_ERR_…`, if it is one of the gateway's own errors, or comes of one. */
    readonly code?: string
  }
}

/** Tells the expected ends of a command from a bug; undefined for a bug, whose stack must be shown. */
export function failureOf(error: unknown): Failure | undefined {
  // Commander has printed its message; it calls help and version errors too, with exit code 0.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return { exitCode: 0 }
    return { exitCode: 2, error: { message: error.message.replace(/^error: /, ''), exitCode: 2 } }
  }
  if (error instanceof WrongUsage || error instanceof EnvInvalid) return failure(error.message, 2, error)
  if (error instanceof NotPossible) return failure(error.message, 1, error)
  if (isUpstreamError(error)) return failure(faultLine(error), 1, error)
  if (isGatewayError(error)) return failure(`${error.message} [${error.code}]`, 1, error)
  return undefined
}

function failure(line: string, exitCode: 1 | 2, error: Error): Failure {
  const own = [error, error.cause].find(isGatewayError)
  return { line, exitCode, error: { message: line, exitCode, ...(own && { code: own.code }) } }
}

/** The public text is written for end users; the operator needs what the dependency said. */
export function faultLine(
  error: Error & { code: string; reason: string; facts: { requestId?: string | undefined } },
): string {
  const { code, reason, facts, cause } = error
  // A name that says nothing is not a dependency's.
  const name = cause instanceof Error && cause.name !== 'Error' ? `${cause.name}: ` : ''
  const said = cause instanceof Error ? `: ${name}${cause.message.replace(/\s+/g, ' ')}` : ''
  const request = facts.requestId === undefined ? '' : `, request ${facts.requestId}`
  return `${reason}${said} [${code}${request}]`
}
