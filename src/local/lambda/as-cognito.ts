/** On whose behalf Cognito invokes: its user pool and the account that owns it. */
export interface InvocationSource {
  readonly sourceArn: string
  readonly sourceAccount: string
}

/** What Cognito learns of an invocation: an answer, a function that threw, or the name of Lambda's refusal. */
export interface InvocationResult {
  readonly payload?: unknown
  readonly functionError?: { readonly errorMessage: string }
  readonly failed?: string
}

/** Marks a call as Cognito's own; its value is known to the two stand-ins alone, so no client can pass for Cognito. */
export const SECRET_HEADER = 'x-standin-secret'

/** Invokes over HTTP on behalf of a user pool. Never rejects: a refusal and an outage are results too. */
export async function invokeAsCognito(
  url: string,
  secret: string,
  functionArn: string,
  event: unknown,
  { sourceArn, sourceAccount }: InvocationSource,
): Promise<InvocationResult> {
  const headers = {
    'content-type': 'application/json',
    [SECRET_HEADER]: secret,
    'x-standin-source-arn': sourceArn,
    'x-standin-source-account': sourceAccount,
  }
  try {
    const path = `/2015-03-31/functions/${encodeURIComponent(functionArn)}/invocations`
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(event) })
    const text = await answer.text()
    if (!answer.ok) return { failed: answer.headers.get('x-amzn-errortype') ?? 'ServiceException' }
    const payload: unknown = JSON.parse(text)
    if (answer.headers.get('x-amz-function-error') === null) return { payload }
    return { functionError: payload as { errorMessage: string } }
  } catch {
    return { failed: 'ServiceException' }
  }
}
