import type { Fields } from '../fields.js'
import { isFields } from '../fields.js'

/** The steps of an SDK command's way out and back, as far as they are needed here. */
interface Steps {
  addRelativeTo(
    step: (next: (args: never) => Promise<Answer>) => (args: never) => Promise<Answer>,
    at: { readonly relation: 'after'; readonly toMiddleware: string; readonly name: string },
  ): void
}

interface Answer {
  response: unknown
}

/** An HTTP response of the SDK; its body is a stream until it was read. */
interface HttpResponse {
  body?: AsyncIterable<Uint8Array> | Uint8Array
}

/**
 * Keeps what a command is answered, as it comes over the wire: the SDK drops every key that its own model does not know.
 * Works with the SDK's JSON protocols.
 * @returns a function that answers the JSON object of the last answer; undefined if there was none
 */
export function keepRawAnswer(command: { readonly middlewareStack: unknown }): () => Fields | undefined {
  let text: string | undefined
  // The SDK's own type of it leads through six more.
  const steps = command.middlewareStack as Steps
  steps.addRelativeTo(
    (next) => async (args) => {
      const answer = await next(args)
      const response = answer.response as HttpResponse
      const parts: Uint8Array[] = []
      if (response.body instanceof Uint8Array) parts.push(response.body)
      else for await (const part of response.body ?? []) parts.push(part)
      const bytes = Buffer.concat(parts)
      text = bytes.toString('utf8')
      // The SDK reads bytes as it reads a stream.
      response.body = bytes
      return answer
    },
    { relation: 'after', toMiddleware: 'deserializerMiddleware', name: 'keepRawAnswer' },
  )
  return () => {
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return isFields(value) ? value : undefined
  }
}
