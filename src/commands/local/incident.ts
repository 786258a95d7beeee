import type { FaultyTenant } from '../../local/faults.js'
import type { GatewayLog } from '../../local/gateway/log.js'
import type { Scene } from '../../local/story/scene.js'
import type { StepReport } from '../../local/story/step.js'
import type { Admin } from '../../local/world/admin.js'
import { diagnose } from '../../operator/causes/diagnose.js'
import { createEvidence } from '../../operator/causes/evidence.js'
import { findAll } from '../../operator/causes/faults.js'
import { createFold, foldLine } from '../../operator/causes/fold.js'
import { type Line, parseLine } from '../../operator/lines/line.js'

/** So many that fail are told as an incident, whatever was before. */
const LOGINS = 8
/** Longer than they take: it is ended when they are over. */
const FOR_MS = 60_000

/** How the story ends: Corbado fails for one tenant, whose logins fail, and what `explain` makes of the lines names it. */
export async function* tellIncident(scene: Scene, { faults }: Pick<Admin, 'faults'>): AsyncGenerator<StepReport> {
  const { step, startLogin, sign, calls, refusalSince, example, log } = scene
  const { tenantId, userPoolId, corbado } = example.tenant
  const tenant: FaultyTenant = { tenantId, userPoolId, projectId: corbado.projectId }
  const call = calls()
  yield await step(
    { step: 'logins meanwhile', expected: `${LOGINS} refused: backend_unavailable` },
    async () => {
      await faults.begin({ dependency: 'corbado', kind: 'error', tenant, forMs: FOR_MS })
      try {
        let refused = 0
        for (let login = 0; login < LOGINS; login += 1) {
          const stage = await startLogin()
          const end = stage.kind === 'challenge' ? await stage.answer(await sign(example.person.username)) : stage
          if (end.kind !== 'tokens') refused += 1
        }
        return refused
      } finally {
        faults.clear('corbado', userPoolId)
      }
    },
    async (refused) => ({ outcome: `${refused} refused: ${await refusalSince(call)}` }),
  )
  yield await step(
    { step: 'explain', expected: 'Corbado fails. Who acts: Corbado' },
    () => log.triggerLines('lambda', calls()),
    () => ({ outcome: explained(log, tenantId) }),
  )
}

/** What `explain` says first of a tenant, from the same lines. */
function explained({ lines }: GatewayLog, tenantId: string): string {
  const known = lines.map(parseLine).filter((line): line is Line => line?.kind === 'line')
  const fold = createFold()
  for (const line of known) foldLine(fold, line)
  const [finding] = findAll(fold, { only: tenantId })
  if (finding === undefined) return 'nothing differs'
  const { look, end } = createEvidence(finding)
  for (const line of known) look(line)
  const { cause, owner } = diagnose(fold, finding, end())
  return `${cause.split(/\.(?: |$)/, 1)[0]}. Who acts: ${owner}`
}
