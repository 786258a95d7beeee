import { createSecretKey, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { sign } from '../../../src/plugins/signature.js'
import { createEvent, defineEvent, verifyEvent } from '../../fixtures/events.js'
import type { Try } from './open-loop.js'
import { type CallName, type Member, USER } from './world.js'

/** What the gateway's parameter of its callers' secrets holds. */
export const newCallerSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** The requests of a tenant, signed with its caller's secret. */
export function requestsBy(
  callerSecret: string,
): Record<CallName, (member: Pick<Member, 'userPoolId'>, proof: string) => Try> {
  const key = createSecretKey(Buffer.from(callerSecret.replace('whsec_', ''), 'base64'))
  return {
    define: (member) => define(key, member),
    create: (member) => create(key, member),
    verify: (member, proof) => verify(key, member, proof),
    preLogin: (member) => preLogin(key, member),
  }
}

function signed(key: KeyObject, path: string, payload: object, isRight: (body: string) => boolean): Try {
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

function define(key: KeyObject, { userPoolId }: Pick<Member, 'userPoolId'>): Try {
  const path = `/v1/pools/${userPoolId}/triggers/define-auth-challenge`
  return signed(key, path, defineEvent([], {}, { userPoolId }), (body) => body.includes('"CUSTOM_CHALLENGE"'))
}

function create(key: KeyObject, { userPoolId }: Pick<Member, 'userPoolId'>): Try {
  const path = `/v1/pools/${userPoolId}/triggers/create-auth-challenge`
  return signed(key, path, createEvent([], { userPoolId }), (body) => body.includes('"nonce"'))
}

function verify(key: KeyObject, { userPoolId }: Pick<Member, 'userPoolId'>, proof: string): Try {
  const request = { privateChallengeParameters: { cognitoID: USER, nonce: randomUUID() } }
  const path = `/v1/pools/${userPoolId}/triggers/verify-auth-challenge-response`
  return signed(key, path, verifyEvent(proof, request, { userPoolId }), (body) => body.includes('"answerCorrect":true'))
}

function preLogin(key: KeyObject, { userPoolId }: Pick<Member, 'userPoolId'>): Try {
  const path = `/v1/pools/${userPoolId}/actions/pre-login`
  return signed(key, path, { action: 'pre-login', userPoolId, identifier: USER }, (body) => body.includes(`"${USER}"`))
}
