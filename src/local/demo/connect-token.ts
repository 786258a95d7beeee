import { CognitoJwtVerifier } from 'aws-jwt-verify'
import { fieldAt, textAt } from '../../fields.js'
import type { Stack } from '../stack.js'
import type { Example } from '../world/example.js'
import { basicCredential } from '../world/tenants.js'
import { type ConnectTokenAnswer, type DemoProblem, type DemoTenant, TOKEN_TYPES } from './api.js'
import { errorOf } from './calls.js'
import { connectTokenKey, type Trace } from './trace.js'

/** One tenant's app: what the page knows of it, and what its server has. */
export interface DemoApp {
  readonly tenant: DemoTenant
  readonly example: Example
}

/** What the page asked for, still unread. */
export interface TokenRequest {
  readonly body: unknown
  readonly authorization: string | undefined
  readonly origin: string
  /** Of the browser's tab, if it says so. */
  readonly tab: string | undefined
}

/** An answer as it goes to the page. */
export interface Answered<T> {
  readonly status: number
  readonly body: T | DemoProblem
}

const problem = (status: number, code: string, message: string): Answered<never> => ({
  status,
  body: { code, message },
})

interface ConnectTokenOptions {
  readonly stack: Stack
  readonly trace: Trace
  readonly apps: readonly DemoApp[]
  /** The container door, once it is open. */
  readonly gatewayUrl: Promise<string>
}

/**
 * `/connectToken`: by the gateway's own route where the tenant has it configured, else as the server action of Corbado's
 * guide does it: check the ID token, ask the Backend API.
 */
export function createConnectTokenRoute({ stack, trace, apps, gatewayUrl }: ConnectTokenOptions) {
  async function fromGateway({ tenant }: DemoApp, type: string, request: TokenRequest) {
    const url = `${await gatewayUrl}/v1/pools/${tenant.userPoolId}/connect-tokens`
    const end = trace.begin({ from: 'app', to: 'gateway', name: 'connect-tokens', tenantId: tenant.tenantId })
    const startedAt = stack.clock.elapsed()
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: request.origin,
        ...(request.authorization && { authorization: request.authorization }),
      },
      body: JSON.stringify({ type }),
    })
    const body: unknown = await answer.json()
    const error = errorOf(answer.status, body)
    const lineKey = connectTokenKey(tenant.tenantId)
    end({ ms: stack.clock.elapsed() - startedAt, ok: answer.ok, outcome: error ?? 'a connect token', lineKey })
    return { status: answer.status, body: body as ConnectTokenAnswer | DemoProblem }
  }

  /** The user of a valid ID token of the app; undefined if it is not valid. */
  async function userOf({ tenant }: DemoApp, token: string) {
    const { userPoolId, clientId } = tenant
    const verifier = CognitoJwtVerifier.create({ userPoolId, clientId, tokenUse: 'id' })
    const keySet = await fetch(`${stack.cognito.url}/${userPoolId}/.well-known/jwks.json`)
    verifier.cacheJwks((await keySet.json()) as Parameters<typeof verifier.cacheJwks>[0])
    try {
      // By the key set that was just read: nothing is fetched from elsewhere.
      return verifier.verifySync(token)
    } catch {
      return undefined
    }
  }

  async function fromAppServer(app: DemoApp, type: string, { authorization = '' }: TokenRequest) {
    const [, token = ''] = /^Bearer (\S+)$/i.exec(authorization) ?? []
    const user = await userOf(app, token)
    if (!user) return problem(401, 'id_token_invalid', 'You are signed out. Sign in again.')
    const { apiSecret, tenant } = app.example
    const { projectId, credentialScheme } = tenant.corbado
    const credential =
      credentialScheme === 'basic' ? `Basic ${basicCredential(projectId, apiSecret)}` : `Bearer ${apiSecret}`
    const identifier = user['cognito:username']
    const displayName = typeof user.email === 'string' ? user.email : identifier
    const answer = await fetch(`${stack.corbado.url}/v2/connectTokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: credential },
      body: JSON.stringify({ type, data: { identifier, displayName } }),
    })
    const body: unknown = await answer.json()
    const [connectToken, expires] = [textAt(body, 'secret'), fieldAt(body, 'expires')]
    if (connectToken !== undefined && typeof expires === 'number') {
      return { status: 200, body: { connectToken, expires } }
    }
    return problem(502, 'connect_token_refused', 'Corbado gave no connect token. Try again later.')
  }

  return async (request: TokenRequest): Promise<Answered<ConnectTokenAnswer>> => {
    const [tenantId, type] = [textAt(request.body, 'tenantId'), textAt(request.body, 'type')]
    const app = apps.find(({ tenant }) => tenant.tenantId === tenantId)
    if (!app) return problem(404, 'unknown_tenant', 'There is no such app.')
    if (!TOKEN_TYPES.some((one) => one === type) || type === undefined) {
      return problem(400, 'unknown_type', `The type is one of ${TOKEN_TYPES.join(', ')}.`)
    }
    const end = trace.begin({
      ...{ from: 'browser', to: 'app', name: 'connectToken', detail: type, tenantId: app.tenant.tenantId },
      ...(request.tab !== undefined && { tab: request.tab }),
    })
    const startedAt = stack.clock.elapsed()
    const give = app.tenant.connectTokens === 'gateway' ? fromGateway : fromAppServer
    const answered = await give(app, type, request).catch(() =>
      problem(502, 'gateway_unreachable', 'There is no connect token at the moment. Try again later.'),
    )
    const outcome = errorOf(answered.status, answered.body) ?? 'a connect token'
    end({ ms: stack.clock.elapsed() - startedAt, ok: answered.status === 200, outcome })
    return answered
  }
}
