import { fieldAt, textAt } from '../../fields.js'
import type { ProofClaims } from '../corbado/proof.js'
import type { Faults } from '../faults.js'
import type { Stack } from '../stack.js'
import { createApiSecret } from '../world/tenants.js'
import {
  type ActiveProvocation,
  PROVOCATIONS,
  type Provocation,
  type ProvocationInfo,
  type ProvokeAnswer,
} from './api.js'
import type { RunCommand } from './command.js'
import type { Answered, DemoApp } from './connect-token.js'
import type { Trace } from './trace.js'

/** What each does, for its button. */
export const PROVOCATION_INFOS: readonly ProvocationInfo[] = [
  {
    what: 'used-proof',
    label: 'Proof used before',
    about: 'The next passkey sign-in shows a proof that somebody has used already.',
    lasts: 'next',
  },
  {
    what: 'wrong-passkey',
    label: "Somebody else's passkey",
    about: "The next passkey sign-in shows the proof of another user's passkey.",
    lasts: 'next',
  },
  {
    what: 'paused-tenant',
    label: 'Tenant paused',
    about: 'An operator switches passkeys off for this app; it follows within two seconds.',
    lasts: 'lasting',
  },
  {
    what: 'corbado-down',
    label: 'Corbado down',
    about: "Corbado's Backend API answers with errors, so that no proof can be checked.",
    lasts: 'lasting',
  },
  {
    what: 'secret-wrong',
    label: 'Secret wrong',
    about: 'The API secret of the project was replaced, and nobody told the gateway.',
    lasts: 'lasting',
  },
]

/** A fault that a person forgets ends by itself; so long after that, it is over by every clock. */
const LASTS_MS = 3_600_000
const OVER_MS = 1_000

interface ProvokeOptions {
  readonly stack: Stack
  readonly faults: Faults
  readonly trace: Trace
  readonly apps: readonly DemoApp[]
  readonly run: RunCommand
  /** Folder of the tenant files that the operator's commands change. */
  readonly tenantsDir: string
  /** How long Corbado is down at most. */
  readonly lastsMs?: number
}

/** What can be made to go wrong, and what does now. */
export interface Provoke {
  active(): ProvokeAnswer
  change(body: unknown): Promise<Answered<ProvokeAnswer>>
  /** The proof of a passkey that was used; a used one if that is provoked. */
  sign(projectId: string, username: string, claims: Partial<ProofClaims>): Promise<string>
  /**
   * The answer that goes to Cognito in place of the browser's, if another user's is provoked.
   * @param username who signs in, by whichever of the names that Cognito takes
   */
  answerInstead(clientId: string, username: string | undefined): Promise<string | undefined>
}

export function createProvoke(options: ProvokeOptions): Provoke {
  const { stack, faults, trace, apps, run, tenantsDir, lastsMs = LASTS_MS } = options
  let asked: readonly ActiveProvocation[] = []
  /** A fault may have ended without its button: by itself, or by the operator's command. */
  const active = () => {
    const down = faults.list().filter(({ dependency }) => dependency === 'corbado')
    return asked.filter(
      ({ what, tenantId }) => what !== 'corbado-down' || down.some((one) => one.tenantId === tenantId),
    )
  }
  const tell = () => trace.tell({ kind: 'provoked', active: active() })
  const isActive = (tenantId: string, what: Provocation) =>
    active().some((one) => one.tenantId === tenantId && one.what === what)

  function note(tenantId: string, what: Provocation, on: boolean): void {
    const others = asked.filter((one) => one.tenantId !== tenantId || one.what !== what)
    asked = on ? [...others, { tenantId, what }] : others
    tell()
  }

  /** Is it provoked for the next time? Then this is it. */
  function spend(tenantId: string, what: Provocation): boolean {
    if (!isActive(tenantId, what)) return false
    note(tenantId, what, false)
    return true
  }

  async function operate(verb: 'pause' | 'resume', tenantId: string): Promise<string | undefined> {
    const { code, stdout, stderr } = await run(['tenants', verb, tenantId, '--dir', tenantsDir])
    return code === 0 ? undefined : (stderr || stdout).trim()
  }

  async function apply({ example }: DemoApp, what: Provocation, on: boolean): Promise<string | undefined> {
    const { tenantId, userPoolId, corbado } = example.tenant
    const { projectId } = corbado
    switch (what) {
      case 'used-proof':
      case 'wrong-passkey':
        return undefined
      case 'paused-tenant':
        return operate(on ? 'pause' : 'resume', tenantId)
      case 'corbado-down': {
        const tenant = { tenantId, userPoolId, projectId }
        if (on) {
          await faults.begin({ dependency: 'corbado', kind: 'error', tenant, forMs: lastsMs })
          setTimeout(tell, lastsMs + OVER_MS).unref()
        } else faults.clear('corbado', userPoolId)
        return undefined
      }
      case 'secret-wrong': {
        const secret = on ? createApiSecret() : example.apiSecret
        stack.corbado.putProject({ projectId, apiSecret: secret, bearerKey: secret })
        return undefined
      }
      default:
        return what satisfies never
    }
  }

  return {
    active: () => ({ active: active() }),
    async change(body) {
      const [tenantId, on] = [textAt(body, 'tenantId'), fieldAt(body, 'on')]
      const what = PROVOCATIONS.find((one) => one === fieldAt(body, 'what'))
      const app = apps.find(({ tenant }) => tenant.tenantId === tenantId)
      if (!app) return { status: 404, body: { code: 'unknown_tenant', message: 'There is no such app.' } }
      if (what === undefined || typeof on !== 'boolean') {
        return { status: 400, body: { code: 'unknown_provocation', message: 'Say what, and whether it is on.' } }
      }
      const { tenantId: id } = app.tenant
      if (isActive(id, what) === on) return { status: 200, body: { active: active() } }
      const failed = await apply(app, what, on)
      if (failed !== undefined) return { status: 502, body: { code: 'command_failed', message: failed } }
      note(id, what, on)
      return { status: 200, body: { active: active() } }
    },

    async sign(projectId, username, claims) {
      const proof = await stack.corbado.sign(projectId, username, claims)
      const app = apps.find(({ tenant }) => tenant.projectId === projectId)
      // Whoever shows it first is let in.
      if (app && spend(app.tenant.tenantId, 'used-proof')) await stack.corbado.verify(projectId, proof, username)
      return proof
    },

    async answerInstead(clientId, username) {
      const app = apps.find(({ tenant }) => tenant.clientId === clientId)
      if (!app || !spend(app.tenant.tenantId, 'wrong-passkey')) return undefined
      const { person, other } = app.example
      // The other one may be who signs in: to them, it is the first one's passkey that is somebody else's.
      const isOther = [other.username, ...Object.values(other.attributes)].some((name) => name === username)
      return stack.corbado.sign(app.tenant.projectId, (isOther ? person : other).username)
    },
  }
}
