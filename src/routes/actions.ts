import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { Action, ActionPayload, ActionResult } from '../actions/action.js'
import { actions } from '../actions/index.js'
import { Internal, isGatewayError, RequestMismatch, reasonOf } from '../errors.js'
import { isUserPoolId } from '../ids.js'

interface ActionRoute {
  Params: { userPoolId: string }
  Body: Static<typeof ActionPayload>
}

/** One route for each action: it takes Corbado's payload and answers the body that Corbado expects. */
export async function actionRoutes(app: FastifyInstance): Promise<void> {
  for (const action of actions) {
    app.post<ActionRoute>(
      `/v1/pools/:userPoolId/actions/${action.name}`,
      {
        config: { once: true },
        schema: { body: action.schema },
        preValidation: (request, _reply, done) => {
          note(request, action)
          done()
        },
      },
      async (request) => {
        assertAgreement(request, action)
        request.line.username = action.userOf?.(request.body)
        const { body, ...facts } = await run(app, request, action)
        Object.assign(request.line, facts)
        return body
      },
    )
  }
}

function note({ line, body }: FastifyRequest<ActionRoute>, action: Action): void {
  const { userPoolId } = (body ?? {}) as Partial<ActionRoute['Body']>
  Object.assign(line, { msg: 'action', action: action.name, ...(isUserPoolId(userPoolId) && { userPoolId }) })
}

function assertAgreement({ params, body, direct }: FastifyRequest<ActionRoute>, action: Action): void {
  if (body.action !== action.name) throw new RequestMismatch()
  // A direct invocation's path was made from its body.
  if (!direct && params.userPoolId !== body.userPoolId) throw new RequestMismatch()
}

async function run(
  app: FastifyInstance,
  request: FastifyRequest<ActionRoute>,
  action: Action,
): Promise<ActionResult & { level?: 'error' }> {
  const { body: payload } = request
  try {
    const admission = await app.admit(request, { userPoolId: payload.userPoolId })
    if (admission.kind === 'bypassed') throw new Internal()
    const { tenant } = admission
    if (tenant.config.status === 'passkeys-off') return action.whenOff(payload)
    return await action.handle(payload, tenant)
  } catch (error) {
    const fault = isGatewayError(error) ? error : new Internal()
    if (fault.statusCode < 500 || !action.whenFaulty) throw error
    request.line.error = error
    const result = action.whenFaulty({ reason: reasonOf(error), message: fault.message }, request.tenant)
    return { ...result, level: 'error' }
  }
}
