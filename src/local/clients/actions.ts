import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { ACTIONS_ALIAS, actionCaller, FUNCTION_ARN, REGION } from '../accounts.js'
import type { Stack } from '../stack.js'

/** What the gateway answers to a direct invocation. */
export interface ActionAnswer {
  readonly statusCode: number
  readonly body: {
    readonly identifier?: string
    readonly error?: { readonly code?: string; readonly return?: boolean }
  }
}

/** Invokes an action as Corbado does: through Lambda's Invoke API and the actions alias, signed by Corbado's caller. */
export interface ActionClient {
  /** @throws with Lambda's text, if the function failed or may not be invoked */
  invoke(payload: object): Promise<ActionAnswer>
  close(): void
}

/** Makes a client with the rights of the stack's `actionCaller`. */
export function createActionClient(stack: Stack): ActionClient {
  const client = new LambdaClient({
    endpoint: stack.lambda.url,
    region: REGION,
    credentials: stack.credentialsFor(actionCaller),
    maxAttempts: 1,
  })
  return {
    async invoke(payload) {
      const { Payload, FunctionError } = await client.send(
        new InvokeCommand({
          FunctionName: FUNCTION_ARN,
          Qualifier: ACTIONS_ALIAS,
          Payload: Buffer.from(JSON.stringify(payload)),
        }),
      )
      const answer = JSON.parse(Buffer.from(Payload ?? []).toString())
      if (FunctionError !== undefined) throw new Error(`the gateway failed: ${answer.errorMessage}`)
      return answer
    },
    close: () => client.destroy(),
  }
}
