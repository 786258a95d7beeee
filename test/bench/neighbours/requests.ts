import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { sign } from '../../../src/plugins/signature.js'
import { defineEvent, verifyEvent } from '../../fixtures/events.js'
import type { Try } from './open-loop.js'
import { type Member, USER } from './world.js'

const secret = randomBytes(32)
const key = createSecretKey(secret)
/** What the gateway's parameter of its callers' secrets holds. */
export const CALLER_SECRET = `whsec_${secret.toString('base64')}`

function signed(path: string, payload: object, isRight: (body: string) => boolean): Try {
  const body = JSON.stringify(payload)
  const id = `msg_${randomUUID()}`
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const signature = `v1,${sign(key, id, timestamp, Buffer.from(body)).toString('base64')}`
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  }
  return { shot: { path, headers, body }, isRight: (status, text) => status === 200 && isRight(text) }
}

export function define({ userPoolId }: Member): Try {
  const path = `/v1/pools/${userPoolId}/triggers/define-auth-challenge`
  return signed(path, defineEvent([], {}, { userPoolId }), (body) => body.includes('"CUSTOM_CHALLENGE"'))
}

export function verify({ userPoolId }: Member, proof: string): Try {
  const request = { privateChallengeParameters: { cognitoID: USER, nonce: randomUUID() } }
  const path = `/v1/pools/${userPoolId}/triggers/verify-auth-challenge-response`
  return signed(path, verifyEvent(proof, request, { userPoolId }), (body) => body.includes('"answerCorrect":true'))
}

export function preLogin({ userPoolId }: Member): Try {
  const path = `/v1/pools/${userPoolId}/actions/pre-login`
  return signed(path, { action: 'pre-login', userPoolId, identifier: USER }, (body) => body.includes(`"${USER}"`))
}
