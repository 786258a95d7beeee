import { randomBytes } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { attemptFact, challengeMetadata, flowIdOf, isOwn, Session } from './challenge.js'
import { type Trigger, TriggerEvent } from './trigger.js'

const CreateEvent = Type.Object({
  ...TriggerEvent.properties,
  userName: Type.String(),
  request: Type.Object({ session: Session }),
})
type CreateEvent = Static<typeof CreateEvent>

/** 128 random bits as 22 base64url characters. */
const randomId = () => randomBytes(16).toString('base64url')

/** Makes the challenge that a passkey answers. Corbado knows what has to be proven, so the client gets no data. */
export const createAuthChallenge: Trigger<typeof CreateEvent> = {
  name: 'create-auth-challenge',
  triggerSource: ['CreateAuthChallenge'],
  kind: 'custom-auth',
  schema: CreateEvent,
  handle({ userName, request }: CreateEvent) {
    const session = request.session ?? []
    const flowId = flowIdOf(session) ?? randomId()
    return {
      response: {
        challengeMetadata: challengeMetadata(flowId),
        // Cognito wants at least one public parameter.
        publicChallengeParameters: { dummy: 'dummy' },
        // The nonce ties an answer to this challenge; only verify sees it. The flow id joins verify's log line to the
        // login.
        privateChallengeParameters: { cognitoID: userName, flowId, nonce: randomId() },
      },
      outcome: 'created',
      flowId,
      ...attemptFact(session.filter(isOwn).length + 1),
    }
  },
}
