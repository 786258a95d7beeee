import { systemClock } from '../../call.js'
import { signedHeaders } from '../clients/signed-headers.js'
import { type ContainerProcessOptions, startContainerProcess } from './container-process.js'

/** What the door's route needs to know of a define event. */
export interface DefineEvent {
  readonly userPoolId: string
  readonly triggerSource: string
  readonly [key: string]: unknown
}

/** A signed request, ready to be sent by anything that speaks HTTP. */
export interface SignedRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The container door, and what one of Corbado's callers does with it. */
export interface Container {
  readonly url: string
  /** What the caller signs with. */
  readonly callerSecret: string
  /** The request that asks for an answer to a define event. */
  signDefine(event: DefineEvent): SignedRequest
  /** @throws with the status, where it is not 200 */
  send(request: SignedRequest): Promise<unknown>
  /** How many requests were sent by {@link send}. */
  sent(): number
}

/** Starts the door and waits until it is ready; see {@link startContainerProcess} for what it throws. */
export async function startContainer(options: ContainerProcessOptions, callerSecret: string): Promise<Container> {
  const { url } = await startContainerProcess(options)
  let sent = 0
  return {
    url,
    callerSecret,
    signDefine(event) {
      const body = JSON.stringify(event)
      const headers = { 'content-type': 'application/json', ...signedHeaders(callerSecret, body, systemClock.now()) }
      return { url: `${url}/v1/pools/${event.userPoolId}/triggers/define-auth-challenge`, headers, body }
    },
    async send({ url, headers, body }) {
      sent += 1
      const answer = await fetch(url, { method: 'POST', headers, body })
      if (answer.status !== 200) throw new Error(`answered with ${answer.status}`)
      return answer.json()
    },
    sent: () => sent,
  }
}
