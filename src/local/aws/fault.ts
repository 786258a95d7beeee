import type { IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Fault, StandInOptions, WireAnswer } from './wire.js'

/** Does to a request what the fault says; an answer replaces the real one, `taken` means that there will be none. */
export async function sufferFault(
  fault: Fault,
  message: IncomingMessage,
  options: StandInOptions,
): Promise<WireAnswer | 'taken' | undefined> {
  switch (fault.kind) {
    case 'slow':
      await setTimeout(fault.ms, undefined, { ref: false })
      return undefined
    case 'status':
      return options.faultAnswer(fault.status)
    case 'garbage':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"half": <an answ' }
    case 'hang':
      return 'taken'
    case 'refuse':
    case 'reset':
      message.socket.resetAndDestroy()
      return 'taken'
    default:
      return fault satisfies never
  }
}
