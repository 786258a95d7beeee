import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '../call.js'
import { RequestMismatch, RouteUnknown } from '../errors.js'
import { fieldsOf } from '../fields.js'
import { chainedCall, chainOf, decideChained } from '../triggers/chain.js'
import { defineAuthChallenge } from '../triggers/define-auth-challenge.js'
import { findTrigger, triggers, unknownTrigger } from '../triggers/index.js'
import type { Trigger, TriggerEvent, TriggerResult } from '../triggers/trigger.js'

interface TriggerRoute {
  Params: { userPoolId: string }
  Body: TriggerEvent
}

/** One route for each trigger: a Cognito event goes in and comes back with its `response`. */
export async function triggerRoutes(app: FastifyInstance, { clock }: { readonly clock: Clock }): Promise<void> {
  for (const trigger of [...triggers, unknownTrigger]) {
    app.post<TriggerRoute>(
      `/v1/pools/:userPoolId/triggers/${trigger.name}`,
      {
        config: { enveloped: true },
        schema: { body: trigger.schema },
        preValidation: (request, _reply, done) => {
          note(request, trigger)
          done()
        },
      },
      async (request, reply) => {
        assertAgreement(request, trigger)
        const { response, ...facts } = await run(app, request, trigger, clock.now())
        Object.assign(request.line, facts)
        // The Lambda door puts the response into the very event that came in.
        if (request.direct) return response === undefined ? {} : { response }
        reply.type('application/json; charset=utf-8')
        return response === undefined ? request.eventText : request.eventWith(response)
      },
    )
  }
}

/**
 * Notes what the closing line says about the event, refused or not: only texts that look like ids, and the user's name for
 * its pseudonym.
 */
function note({ line, body }: FastifyRequest<TriggerRoute>, trigger: Trigger): void {
  const { userPoolId, region, triggerSource, userName, callerContext } = fieldsOf(body)
  line.msg = 'trigger'
  line.trigger = trigger.name
  line.userPoolId = idOf(userPoolId)
  line.region = idOf(region)
  line.triggerSource = idOf(triggerSource)
  line.clientId = idOf(fieldsOf(callerContext).clientId)
  if (trigger === defineAuthChallenge) line.clientSdk = sdkOf(fieldsOf(callerContext).awsSdkVersion)
  line.username = typeof userName === 'string' ? userName : undefined
}

function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined
}

/** Cognito takes it from the client's headers, so only the form that AWS's SDKs send is believed. */
function sdkOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^aws-sdk-[\w.-]{1,40}$/.test(value) ? value : undefined
}

function assertAgreement({ params, body, direct }: FastifyRequest<TriggerRoute>, trigger: Trigger): void {
  // Only Cognito may bring a source that we do not know yet.
  if (trigger === unknownTrigger && !direct) throw new RouteUnknown()
  // A direct invocation's path was made from its body.
  if (!direct && params.userPoolId !== body.userPoolId) throw new RequestMismatch()
  if ((findTrigger(body.triggerSource) ?? unknownTrigger) !== trigger) throw new RequestMismatch()
}

async function run(
  app: FastifyInstance,
  request: FastifyRequest<TriggerRoute>,
  trigger: Trigger,
  now: number,
): Promise<TriggerResult> {
  const { body: event } = request
  const { userPoolId } = event
  // A region that cannot be read fits no tenant.
  const region = typeof event.region === 'string' ? event.region : ''
  const { callerContext } = fieldsOf(event)
  const admission = await app.admit(request, {
    userPoolId,
    region,
    mayBypass: trigger.kind === 'pass-through',
    // The status switches Corbado off, not the customer's own functions.
    anyStatus: (config) => chainOf(trigger, config, callerContext) !== undefined,
  })
  if (admission.kind === 'bypassed') return { outcome: 'unchanged', reason: admission.reason, level: admission.level }
  const chain = chainOf(trigger, admission.tenant.config, callerContext)
  if (chain) {
    const refused = trigger.beforeChain?.(event)
    if (refused) return refused
    request.line.chained = true
    const payload = request.direct ? JSON.stringify(event) : request.eventText
    const { tenant } = admission
    const chained = decideChained(chain, await tenant.invoke(chainedCall(chain, trigger, payload, request.hops)))
    return trigger.onTop ? trigger.onTop(event, chained, { tenant, now }) : chained
  }
  const result = await trigger.handle(event, { tenant: admission.tenant, now })
  return trigger === unknownTrigger ? { ...result, reason: 'unknown_trigger', level: 'warn' } : result
}
