import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../call.js'
import { GATEWAY_VERSION } from '../../env.js'
import { textAt } from '../../fields.js'
import { onCall } from '../accounts.js'
import { parseJson } from '../aws/json.js'
import { totpCode } from '../cognito/login/totp.js'
import { createConnect } from '../corbado/connect/index.js'
import type { Example } from '../world/example.js'
import type { Door, World } from '../world/world.js'
import { type OutboxMessage, PATHS } from './api.js'
import { watchCalls } from './calls.js'
import { createRunCommand } from './command.js'
import { createConnectTokenRoute } from './connect-token.js'
import { explainLogin } from './explain.js'
import { readPages } from './pages.js'
import { cognitoWords, corbadoWords, createPassOn } from './pass-on.js'
import { createProvoke, PROVOCATION_INFOS } from './provoke.js'
import { type DemoServer, startDemoServer } from './server.js'
import { demoTenant } from './tenants.js'
import { createTrace, type Trace } from './trace.js'

export type { DemoServer } from './server.js'
export { connectTokensFor } from './tenants.js'

/**
 * Opens the page's server at a port, any free one for 0; what it serves follows with {@link serveDemo}.
 * @param built folder of the compiled program
 * @throws NotPossible if the page is not built; the listener's error, with `code` and `port`, if the port is taken
 */
export async function startDemo(built: string, port: number): Promise<DemoServer> {
  return startDemoServer(await readPages(built), port)
}

interface DemoOptions {
  readonly world: World
  readonly door: Door
  /** Folder of the compiled program. */
  readonly built: string
}

/** Serves the guide's application for the tenants of a running stack; what happened before is not told. */
export function serveDemo(server: DemoServer, { world, door, built }: DemoOptions): void {
  const { stack, workspace, log, actions, admin } = world
  const { clock, cognito, corbado } = stack
  const origin = server.url
  const trace = createTrace(clock)
  const examples = world.examples.filter(({ tenant }) => tenant.status === 'active')
  const apps = examples.map((example) => ({ example, tenant: demoTenant(example, origin) }))
  const tenants = apps.map(({ tenant }) => tenant)
  /** By whatever names one: pool, client or project. */
  const tenantOf = (text: string) =>
    tenants.find(({ userPoolId, clientId, projectId, ownCode }) =>
      [userPoolId, clientId, projectId, ownCode?.clientId].some((name) => name !== undefined && text.includes(name)),
    )?.tenantId
  const tokensFrom = (tenantId: string | undefined) => {
    const tenant = tenants.find((one) => one.tenantId === tenantId)
    return tenant?.connectTokens === 'gateway' ? ('gateway' as const) : ('app' as const)
  }

  const run = createRunCommand(join(built, 'cli.mjs'), stack.envFor(onCall))
  const { faults } = admin
  const provoke = createProvoke({ stack, faults, trace, apps, run, tenantsDir: workspace.tenantsDir })
  const serveFrontend = createConnect({
    clock,
    rpId: 'localhost',
    origins: [origin],
    projects: tenants.map(({ projectId, userPoolId, displayName: rpName }) => ({ projectId, userPoolId, rpName })),
    frontendApiUrl: `${origin}${PATHS.corbado}`,
    takeConnectToken: corbado.takeConnectToken,
    sign: provoke.sign,
    callAction: (payload) => actions.invoke(payload),
  })
  corbado.onFrontend(serveFrontend)
  watchCalls(stack, trace, { tenantOf, tokensFrom })
  log.onLine(trace.addLine)
  tellMessages(world, trace, tenantOf)
  for (const example of examples) tellOwnCodes(example, trace, clock)

  const start = randomUUID()
  server.serve({
    trace,
    config: () => ({ start, gatewayVersion: GATEWAY_VERSION, tenants, provocations: PROVOCATION_INFOS }),
    connectToken: createConnectTokenRoute({ stack, trace, apps, gatewayUrl: Promise.resolve(door.container.url) }),
    outbox: (tenantId) => ({
      messages: trace.messages.filter((one) => tenantId === undefined || one.tenantId === tenantId).reverse(),
    }),
    explain: (word, flowId) => explainLogin(run, tenants.find(({ tenantId }) => tenantId === word)?.tenantId, flowId),
    provoke,
    cognito: createPassOn({
      clock,
      trace,
      url: cognito.url,
      words: cognitoWords(tenantOf),
      async rewrite({ headers }, input) {
        const answers = String(headers['x-amz-target'] ?? '').endsWith('.RespondToAuthChallenge')
        if (!answers || textAt(input, 'ChallengeName') !== 'CUSTOM_CHALLENGE') return undefined
        const username = textAt(input, 'ChallengeResponses', 'USERNAME')
        const ANSWER = await provoke.answerInstead(textAt(input, 'ClientId') ?? '', username)
        if (ANSWER === undefined) return undefined
        const { ChallengeResponses, ...rest } = input as { ChallengeResponses: object }
        return Buffer.from(JSON.stringify({ ...rest, ChallengeResponses: { ...ChallengeResponses, ANSWER } }))
      },
      onAnswer: (input, body) => showAuthenticator(world, trace, tenants, input, body),
    }),
    corbado: createPassOn({ clock, trace, url: corbado.url, words: corbadoWords(tenantOf) }),
  })
}

/** Mails and texts that Cognito sends from now on. */
function tellMessages({ stack }: World, trace: Trace, tenantOf: (text: string) => string | undefined): void {
  stack.cognito.outbox.onMessage(({ at, userPoolId, medium, to, purpose, subject, text, code }) => {
    const tenantId = tenantOf(userPoolId)
    if (tenantId === undefined) return
    const about = { at: new Date(at).toISOString(), tenantId, medium, to, purpose, text, code }
    trace.addMessage({ ...about, ...(subject !== undefined && { subject }) })
  })
}

/** Codes that a customer's own function sends from now on. */
function tellOwnCodes({ tenant, ownLogin }: Example, trace: Trace, clock: Clock): void {
  const { tenantId, displayName = tenantId } = tenant
  ownLogin?.outbox.onMessage(({ to, text: code }) => {
    // Whoever does not exist is asked for a code like everybody else, and has no address.
    if (typeof to !== 'string') return
    trace.addMessage({
      ...{ at: new Date(clock.now()).toISOString(), tenantId, medium: 'email', to, purpose: 'own-code' },
      ...{ subject: `Your code for ${displayName}`, text: `Your code is ${code}`, code },
    })
  })
}

/** If Cognito asks for the code of an authenticator app, or an app is being added, what the user's app shows now. */
function showAuthenticator(
  { stack }: World,
  trace: Trace,
  tenants: readonly { readonly tenantId: string; readonly userPoolId: string; readonly clientId: string }[],
  input: unknown,
  body: unknown,
): void {
  const secret = textAt(body, 'SecretCode')
  if (secret === undefined && textAt(body, 'ChallengeName') !== 'SOFTWARE_TOKEN_MFA') return
  // Whoever adds an app is signed in; Cognito has checked the token by now.
  const [, payload = ''] = textAt(input, 'AccessToken')?.split('.') ?? []
  const claims = parseJson(Buffer.from(payload, 'base64url'))
  const client = textAt(input, 'ClientId') ?? textAt(claims, 'client_id')
  const tenant = tenants.find(({ clientId }) => clientId === client)
  const username = textAt(body, 'ChallengeParameters', 'USER_ID_FOR_SRP') ?? textAt(claims, 'username')
  if (!tenant || username === undefined) return
  const { tenantId, userPoolId } = tenant
  const code =
    secret === undefined ? stack.cognito.authenticatorCode(userPoolId, username) : totpCode(secret, stack.clock.now())
  if (code === undefined) return
  const message: Omit<OutboxMessage, 'id'> = {
    at: new Date(stack.clock.now()).toISOString(),
    tenantId,
    medium: 'authenticator',
    to: stack.cognito.user(userPoolId, username)?.attributes.email ?? username,
    purpose: 'mfa',
    text: `Your authenticator app shows ${code}`,
    code,
  }
  trace.addMessage(message)
}
