import t from 'tap'
import { defineEvent, OWN, triggerEvent } from '../fixtures/events.js'
import { CLIENT_ID, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

// A pool with passkeys of Cognito's own, the factor WEB_AUTHN, at an app client beside Corbado's: its logins call none of the
// three triggers of custom authentication, and what they do call passes as it came.

const NATIVE = 'nativeclient0001'
const gateway = await startGateway(t)
const clientIds = [CLIENT_ID]
const file = tenantFile({
  userPoolId: 'eu-central-1_Native001',
  tenantId: 'native',
  login: { clientIds, claim: { name: 'corbado', clientIds } },
})
await gateway.addTenant(file)
const { userPoolId } = file
const callerContext = { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: NATIVE }

/** What such a login, or a sign-in of managed login, sends; keys that Cognito may add besides are kept. */
const sources = [
  'PreAuthentication_Authentication',
  'PostAuthentication_Authentication',
  'TokenGeneration_Authentication',
  'TokenGeneration_HostedAuth',
  'TokenGeneration_RefreshTokens',
  'CustomMessage_Authentication',
]

t.test(
  'events of an app client with native passkeys go back as they came, whatever the tenant’s status is',
  async (t) => {
    for (const [index, status] of (['active', 'passkeys-off', 'suspended', 'draft'] as const).entries()) {
      await gateway.putConfig({ ...file, status }, index + 2)
      gateway.clock.advance(301_000)
      for (const source of sources) {
        const request = { firstFactor: 'WEB_AUTHN', session: [{ challengeName: 'WEB_AUTHN', challengeResult: true }] }
        const event = triggerEvent(source, request, { userPoolId, callerContext, version: '2' })
        gateway.take()
        t.strictSame(await gateway.trigger(event), event, `${status}: ${source}`)
        t.match(gateway.take(), [{ outcome: 'unchanged', clientId: NATIVE }])
      }
    }
    await gateway.putConfig(file, 9)
    gateway.clock.advance(301_000)
  },
)

t.test('no native passkey in a session makes tokens through the gateway, at any app client', async (t) => {
  const native = { challengeName: 'WEB_AUTHN', challengeResult: true, challengeMetadata: null }
  const own = { challengeName: 'CUSTOM_CHALLENGE', challengeResult: true, challengeMetadata: OWN }
  for (const [session, more, reason] of [
    [[], { callerContext }, 'foreign_client'],
    [[native], { callerContext }, 'foreign_client'],
    [[native], {}, 'foreign_challenge'],
    [[native, own], {}, 'foreign_challenge'],
    [[native, { ...own, challengeResult: false }], {}, 'foreign_challenge'],
  ] as const) {
    gateway.take()
    const answer = await gateway.trigger(defineEvent(session, {}, { userPoolId, ...more }))
    t.match(answer, { response: { issueTokens: false, failAuthentication: true } }, reason)
    t.match(gateway.take(), [{ outcome: 'fail', reason }])
  }
  t.match(await gateway.trigger(defineEvent([], {}, { userPoolId })), {
    response: { challengeName: 'CUSTOM_CHALLENGE' },
  })
})

t.test('after a password, a native passkey is no step of Corbado’s flow either', async (t) => {
  const first = tenantFile({
    userPoolId: 'eu-central-1_Native002',
    tenantId: 'native-2',
    login: { flow: 'password-then-passkey' },
  })
  await gateway.addTenant(first)
  const passed = (challengeName: string) => ({ challengeName, challengeResult: true, challengeMetadata: null })
  const session = [passed('SRP_A'), passed('PASSWORD_VERIFIER'), passed('WEB_AUTHN')]
  gateway.take()
  t.match(await gateway.trigger(defineEvent(session, {}, { userPoolId: first.userPoolId })), {
    response: { issueTokens: false, failAuthentication: true },
  })
  t.match(gateway.take(), [{ reason: 'unexpected_challenge' }])
})
