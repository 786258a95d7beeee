import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { Clock } from '../../call.js'

/** Where the process's own credentials come from, in the form that the SDK's clients take. */
export type CredentialSource = Extract<DynamoDBClientConfig['credentials'], (...args: never[]) => unknown>

/** After how many milliseconds of silence a source is asked again: as long as the SDK waits for a connection to one. */
const SILENT_MS = 1_000
/** How often it is asked at most: ten seconds in all, as long as any other request may take. */
const ASKED_MAX = 10

/**
 * The SDK's default chain, asked again while it is silent. The SDK sets no limit to an answer that does not come or does
 * not end, and every later call joins the same wait, even when the source is well again: a container that started at a bad
 * moment would never serve. The first answer counts; later calls ask the chain that was made last.
 */
export function createOwnCredentials(
  clock: Clock,
  createChain: () => CredentialSource = defaultProvider,
): CredentialSource {
  let chain = createChain()

  return async (options) => {
    const answers: ReturnType<CredentialSource>[] = []
    const requests = new Requests()

    async function ask(): ReturnType<CredentialSource> {
      const answer = requests.madeBy(() => chain(options))
      answers.push(answer)
      let cancel = () => {}
      const silence = new Promise<undefined>((resolve) => {
        cancel = clock.after(SILENT_MS, () => resolve(undefined))
      })
      const credentials = await Promise.race([answer, silence]).finally(cancel)
      if (credentials) return credentials
      chain = createChain()
      if (answers.length >= ASKED_MAX) throw new Error('The source of credentials does not answer.')
      return Promise.race([answer, ask()])
    }

    try {
      return await ask()
    } finally {
      // A chain that answered at once may still renew what it holds. If several were asked, the silent ones are ended.
      if (answers.length > 1) requests.end()
      void Promise.allSettled(answers).then(() => requests.forget())
    }
  }
}

const REQUEST_START = 'http.client.request.start'
const maker = new AsyncLocalStorage<Requests>()
/** How many are at work with it. */
let working = 0

/**
 * The requests that some work makes, so that they can be ended. The SDK has no way to end those for credentials: each would
 * stay open.
 */
class Requests {
  readonly #open = new Set<ClientRequest>()
  readonly #note = (message: unknown) => this.#add((message as { readonly request: ClientRequest }).request)
  #ended = false

  constructor() {
    working += 1
    subscribe(REQUEST_START, this.#note)
  }

  madeBy<T>(work: () => T): T {
    return maker.run(this, work)
  }

  end(): void {
    this.#ended = true
    for (const request of this.#open) request.destroy()
  }

  forget(): void {
    unsubscribe(REQUEST_START, this.#note)
    working -= 1
    // Until then, Node 20 runs a hook for every promise of the process: a tenth of each request.
    if (working === 0) maker.disable()
  }

  #add(request: ClientRequest): void {
    if (maker.getStore() !== this) return
    // The SDK sends again what was ended.
    if (this.#ended) request.destroy()
    else this.#open.add(request)
  }
}
