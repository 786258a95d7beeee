import type { ActionAnswer, ActionClient } from '../clients/actions.js'
import type { Caller } from '../clients/caller.js'
import { type LoginStage, startLogin } from '../clients/login.js'
import type { GatewayLog } from '../gateway/log.js'
import type { Stack } from '../stack.js'
import type { Example } from '../world/example.js'
import { type Meters, type Seen, type StepReport, takeStep } from './step.js'

/** Where a tenant's story takes place, and what can be done there. */
export interface Scene {
  readonly example: Example
  readonly stack: Stack
  readonly log: GatewayLog
  readonly caller: Caller
  step<T>(
    what: { step: string; expected: string; detailed?: boolean },
    act: () => Promise<T>,
    verdictOf: (result: T) => Seen | Promise<Seen>,
  ): Promise<StepReport>
  action(name: string, payload: object): Promise<ActionAnswer>
  /** The person begins to sign in; with a password if the flow wants one, unless another is given. */
  startLogin(password?: 'none' | 'right' | 'wrong'): Promise<LoginStage>
  /** The same person at the app client of the customer's own login. */
  startOwnLogin(clientId: string): Promise<LoginStage>
  /** A passkey ceremony, which the stand-in of Corbado confirms; its proof is remembered as private. */
  sign(username: string): Promise<string>
  readonly proofs: readonly string[]
  /** How often Cognito called the gateway's triggers so far. */
  calls(): number
  /** Why the gateway refused: the reason in the first log line of a refusal from this call on. */
  refusalSince(call: number): Promise<string>
}

interface SceneOptions extends Meters {
  readonly example: Example
  readonly stack: Stack
  readonly log: GatewayLog
  readonly actions: ActionClient
  readonly caller: Caller
}

/** Sets the scene for one tenant. */
export function createScene({ example, stack, log, actions, caller, ...meters }: SceneOptions): Scene {
  const { tenant, clientId, person } = example
  const { userPoolId, corbado } = tenant
  const { triggerCalls } = meters
  const proofs: string[] = []
  const passwords = { none: undefined, right: person.password, wrong: `not-${person.password}` }
  return {
    example,
    stack,
    log,
    caller,
    proofs,
    step: (what, act, verdictOf) => takeStep(meters, what, act, verdictOf),
    action: (action, payload) => actions.invoke({ action, userPoolId, ...payload }),
    startLogin(password = wantsPassword(example) ? 'right' : 'none') {
      const options = { endpoint: stack.cognito.url, userPoolId, clientId, username: person.username }
      return startLogin({ ...options, password: passwords[password] })
    },
    startOwnLogin: (clientId) =>
      startLogin({ endpoint: stack.cognito.url, userPoolId, clientId, username: person.username }),
    async sign(username) {
      const proof = await stack.corbado.sign(corbado.projectId, username)
      proofs.push(proof)
      return proof
    },
    calls: () => triggerCalls.length,
    async refusalSince(call) {
      const lines = (await log.triggerLines('lambda', triggerCalls.length)).slice(call)
      const found = lines.find(({ outcome }) => outcome === 'incorrect' || outcome === 'fail')
      return typeof found?.reason === 'string' ? found.reason : 'for a reason that is not in the log'
    },
  }
}

/** Does the tenant's flow begin with a password? */
export function wantsPassword({ tenant }: Example): boolean {
  return tenant.login?.flow === 'password-then-passkey'
}
