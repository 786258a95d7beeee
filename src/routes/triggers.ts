import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '../call.js'
import { RequestMismatch, RouteUnknown } from '../errors.js'
import { findTrigger, triggers, unknownTrigger } from '../triggers/index.js'
import type { Trigger, TriggerEvent, TriggerResult } from '../triggers/trigger.js'

interface TriggerRoute {
  Params: { userPoolId: string }
  Body: TriggerEvent
}

/** One route a trigger: a Cognito event goes in and comes back with its `response`. */
export async function triggerRoutes(app: FastifyInstance, { clock }: { readonly clock: Clock }): Promise<void> {
  for (const trigger of [...triggers, unknownTrigger]) {
    app.post<TriggerRoute>(
      `/v1/pools/:userPoolId/triggers/${trigger.name}`,
      {
        config: { enveloped: true },
        schema: { body: trigger.schema },
        preValidation: async (request) => note(request, trigger),
      },
      async (request) => {
        const { body: event } = request
        assertAgreement(request, trigger)
        const { response, ...facts } = await run(app, request, trigger, clock.now())
        Object.assign(request.line, facts)
        return response === undefined ? event : { ...event, response }
      },
    )
  }
}

/** What the closing line says of the event, refused or not. Shapes are not checked yet. */
function note({ line, body }: FastifyRequest<TriggerRoute>, trigger: Trigger): void {
  const { userPoolId, region, triggerSource, userName, callerContext } = (body ?? {}) as Partial<TriggerEvent>
  const text = (value: unknown) => (typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined)
  Object.assign(line, {
    msg: 'trigger',
    trigger: trigger.name,
    userPoolId: text(userPoolId),
    region: text(region),
    triggerSource: text(triggerSource),
    clientId: text(callerContext?.clientId),
    username: typeof userName === 'string' ? userName : undefined,
  })
}

function assertAgreement({ params, body, invocation }: FastifyRequest<TriggerRoute>, trigger: Trigger): void {
  // Only Cognito may bring a source that nobody knows yet.
  if (trigger === unknownTrigger && !invocation) throw new RouteUnknown()
  // A direct invocation's path was made from its body.
  if (!invocation && params.userPoolId !== body.userPoolId) throw new RequestMismatch()
  if ((findTrigger(body.triggerSource) ?? unknownTrigger) !== trigger) throw new RequestMismatch()
}

async function run(
  app: FastifyInstance,
  request: FastifyRequest<TriggerRoute>,
  trigger: Trigger,
  now: number,
): Promise<TriggerResult> {
  const { body: event } = request
  const { userPoolId, region } = event
  const admission = await app.admit(request, { userPoolId, region, mayBypass: trigger.kind === 'pass-through' })
  if (admission.kind === 'bypassed') return { outcome: 'unchanged', reason: admission.reason, level: admission.level }
  const result = await trigger.handle(event, { tenant: admission.tenant, now })
  return trigger === unknownTrigger ? { ...result, reason: 'unknown_trigger', level: 'warn' } : result
}
