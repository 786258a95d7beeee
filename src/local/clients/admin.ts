import { NotPossible } from '../../terminal/failure.js'
import type { FaultOrder, LastingFault } from '../faults.js'
import { type Apps, assertLoopback } from './apps.js'

/** What a running stack is asked to change or to tell: method and path. */
export type AdminRequest = 'POST /faults' | 'GET /faults' | 'POST /faults/clear' | 'POST /credentials'

export interface FaultBegin extends FaultOrder {
  /** Take from the gateway what its environments have in memory. */
  readonly cold: boolean
}

/** A change of a project's API secrets: one more, or all but the newest deleted. */
export interface CredentialOrder {
  readonly projectId: string
  readonly scheme: 'basic' | 'bearer'
  readonly keepNewest: boolean
}

interface Answers {
  readonly faults: readonly LastingFault[]
  /** How many secrets work now. */
  readonly secrets: number
  readonly credential?: string
}

/**
 * Asks a running stack.
 * @throws NotPossible if it has ended
 */
export async function askAdmin({ admin }: Apps, request: AdminRequest, body?: object): Promise<Answers> {
  const [method = '', path] = request.split(' ')
  const url = `${assertLoopback('admin', admin)}${path}`
  const answer = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) }).catch((cause: unknown) => {
    throw new NotPossible('the embedded stack does not answer: npm start has ended', { cause })
  })
  if (!answer.ok) throw new NotPossible(`the embedded stack answered ${answer.status}: it is of another version`)
  return (await answer.json()) as Answers
}
