import t from 'tap'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import { createHandler, lambdaInvocation } from '../../src/invocation.js'
import { ACTIONS_ALIAS, PSEUDONYM_KEY_PARAMETER } from '../../src/local/accounts.js'
import type { Fault } from '../../src/local/aws/server.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { createLogger } from '../../src/plugins/logger.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { startContainer } from '../fixtures/container.js'
import { defineEvent } from '../fixtures/events.js'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { createLogSink } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

/** A tenant that answers with a made-up name to what nobody has. */
const DECOY = { actions: { preLogin: { unknownUser: 'decoy' }, postAppend: { mfa: 'none' } } } as const
/** What Lambda, or the forwarder, has left: the answer must leave within a second. */
const REMAINING_MS = 1_150
const SECOND = 1_000

const FAULTS = {
  refuse: { kind: 'refuse' },
  reset: { kind: 'reset' },
  hang: { kind: 'hang' },
  slow: { kind: 'slow', ms: 40 },
  // Comes when no call waits any more.
  late: { kind: 'slow', ms: REMAINING_MS + 250 },
  'HTTP 429': { kind: 'status', status: 429 },
  'HTTP 500': { kind: 'status', status: 500 },
  garbage: { kind: 'garbage' },
} as const satisfies Record<string, Fault>
type FaultName = keyof typeof FAULTS
const faultNames = Object.keys(FAULTS) as FaultName[]

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { ssm, cognito, identity } = stack
// An action brings no time of its own over HTTP, so the container gets the second as a setting.
const settings = { TRIGGER_DEADLINE_MS: '1000' }
// These tests live through days; the gateway's own credentials would not.
const own = identity.find(process.env.AWS_ACCESS_KEY_ID ?? '')
if (own) Object.assign(own, { expiresAt: Number.POSITIVE_INFINITY })

let count = 0
async function addTenant(changes: Parameters<typeof tenantFile>[0] = {}): Promise<TenantFile> {
  count += 1
  const file = tenantFile({
    tenantId: `tenant-${count}`,
    userPoolId: `eu-central-1_Own${count}`,
    alias: `t-${count}`,
    corbado: { projectId: 'pro-9001' },
    ...changes,
  })
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  return file
}

/** Breaks SSM while `run` runs. */
async function withoutSsm(fault: FaultName, run: () => Promise<void>): Promise<void> {
  await ssm.setFault(FAULTS[fault])
  try {
    await run()
  } finally {
    await ssm.setFault(undefined)
  }
}

t.test(
  "while ssm withholds the callers' secrets, no caller is let in; once they are known, callers are served",
  async (t) => {
    const found = { statusCode: 200, body: { identifier: 'ada' } }
    for (const fault of faultNames) {
      const file = await addTenant()
      cognito.putUser(file.userPoolId, { username: 'ada' })
      const fresh = await startContainer(t, gateway, { env: settings })
      const preLogin = () => fresh.action({ action: 'pre-login', userPoolId: file.userPoolId, identifier: 'ada' })
      const define = () => fresh.trigger(defineEvent([], {}, { userPoolId: file.userPoolId }))
      const codes = async () => (await Promise.all([preLogin(), define()])).map(({ body }) => body.code ?? 'served')
      await withoutSsm(fault, async () => {
        const refused = 'GW_ERR_CALLER_SECRETS_UNAVAILABLE'
        t.strictSame(await codes(), fault === 'slow' ? ['served', 'served'] : [refused, refused], fault)
      })
      clock.advance(5 * SECOND)
      t.strictSame(await preLogin(), found, `${fault}, healed`)
      clock.advance(301 * SECOND)
      fresh.take()
      await withoutSsm(fault, async () => {
        t.strictSame(await preLogin(), found, `${fault}, known`)
      })
      await fresh.close()
    }
  },
)

/** A gateway in a function of its own that has read nothing yet, with a key of the pseudonyms. */
async function freshFunction() {
  const env = parseEnv({ LOG_LEVEL: 'trace', ...process.env, PSEUDONYM_KEY_PARAMETER })
  const sink = createLogSink()
  const upstreams = gateway.watch(createUpstreams(env, clock))
  const logger = createLogger('trace', sink)
  const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
  const handler = await createHandler(app, clock)
  return {
    invoke: (event: unknown, alias: string) =>
      handler(event, {
        ...{ awsRequestId: 'id', invokedFunctionArn: hostedArn(alias) },
        getRemainingTimeInMillis: () => REMAINING_MS,
      }),
    /** The line of the last call. */
    line: () => sink.take().at(-1) as Line,
    async close() {
      await app.close()
      await upstreams.close()
    },
  }
}

t.test('while ssm withholds the key of the pseudonyms, answers are the same and lines name no user', async (t) => {
  for (const fault of faultNames) {
    const file = await addTenant()
    const fresh = await freshFunction()
    const event = defineEvent([], {}, { userPoolId: file.userPoolId })
    const define = async () => {
      const answer = await fresh.invoke(event, file.alias)
      t.match(answer, { response: { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false } }, fault)
      return fresh.line()
    }
    await withoutSsm(fault, async () => {
      const line = await define()
      t.equal('user' in line, fault === 'slow')
    })
    // No login waits for it again so soon.
    clock.advance(60 * SECOND)
    const { user } = await define()
    t.match(user, /^u_[\w-]{22}$/, `${fault}, healed`)
    clock.advance(301 * SECOND)
    await withoutSsm(fault, async () => {
      const line = await define()
      t.equal(line.user, user, `${fault}, known`)
    })
    await fresh.close()
  }
})

t.test(
  'while ssm withholds the key of the pseudonyms, a user and nobody are refused alike; soon after, named',
  async (t) => {
    const NOBODY = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
    for (const fault of faultNames) {
      const file = await addTenant(DECOY)
      const { userPoolId } = file
      cognito.putUser(userPoolId, { username: 'ada' })
      const fresh = await freshFunction()
      const preLogin = async (identifier: string) => {
        const answer = (await fresh.invoke({ action: 'pre-login', userPoolId, identifier }, ACTIONS_ALIAS)) as {
          body: { identifier: string; error?: unknown }
        }
        const { outcome, reason } = fresh.line()
        return { ...answer.body, line: `${outcome} ${reason ?? ''}`.trim() }
      }
      const named = async (when: string) => {
        t.match(await preLogin('ada'), { identifier: 'ada', line: 'found' }, when)
        t.match(await preLogin('nobody'), { identifier: NOBODY, line: 'refused user_not_found' }, when)
      }
      await withoutSsm(fault, async () => {
        if (fault === 'slow') return named(fault)
        const refusal = { identifier: '', error: { return: true, code: 'untyped' } }
        const line = 'refused pseudonym_key_unavailable'
        for (const identifier of ['ada', 'nobody']) t.match(await preLogin(identifier), { ...refusal, line }, fault)
      })
      // As long as a failure is remembered.
      clock.advance(6 * SECOND)
      await named(`${fault}, healed`)
      clock.advance(301 * SECOND)
      await withoutSsm(fault, () => named(`${fault}, known`))
      await fresh.close()
    }
  },
)

/** What the key of the pseudonyms may be when a call comes. */
const KEYS: Record<string, (ask: (identifier: string) => Promise<unknown>) => Promise<void>> = {
  'never read': async () => {},
  async 'read long ago'(ask) {
    await ask('somebody')
    clock.advance(301 * SECOND)
  },
  async 'not to be had a minute ago'(ask) {
    await withoutSsm('HTTP 500', async () => void (await ask('somebody')))
    clock.advance(61 * SECOND)
  },
}
type Ask = (payload: { action: string; userPoolId: string; identifier: string }) => Promise<unknown>
/** Gateways of which each knows the callers' secrets and nothing else. */
const DOORS: Record<string, () => Promise<{ ask: Ask; close(): Promise<unknown> }>> = {
  async function() {
    const { invoke, close } = await freshFunction()
    return { ask: (payload) => invoke(payload, ACTIONS_ALIAS), close }
  },
  async container() {
    const { action, close } = await startContainer(t, gateway, { env: { ...settings, PSEUDONYM_KEY_PARAMETER } })
    const { userPoolId } = await addTenant()
    await action({ action: 'pre-login', userPoolId, identifier: 'nobody' })
    return { ask: (payload) => action(payload), close }
  },
}

t.test('whatever becomes of the key of the pseudonyms, neither calls nor time tell a user from nobody', async (t) => {
  for (const [door, open] of Object.entries(DOORS)) {
    for (const [key, become] of Object.entries(KEYS)) {
      for (const fault of [undefined, ...faultNames]) {
        /** What it took to ask once, at a gateway of its own. */
        const asked = async (identifier: string) => {
          const file = await addTenant(DECOY)
          const { userPoolId } = file
          cognito.putUser(userPoolId, { username: 'ada' })
          const fresh = await open()
          const ask = (identifier: string) => fresh.ask({ action: 'pre-login', userPoolId, identifier })
          await become(ask)
          await cognito.setFault({ kind: 'slow', ms: 30 })
          const [begun, calls] = [clock.elapsed(), ssm.calls.length]
          if (fault === undefined) await ask(identifier)
          else await withoutSsm(fault, async () => void (await ask(identifier)))
          const took = { ms: clock.elapsed() - begun, calls: ssm.calls.length - calls }
          await cognito.setFault(undefined)
          await fresh.close()
          return took
        }
        const user = await asked('ada')
        t.strictSame(await asked('nobody'), user, `${door}, key ${key}, ${fault ?? 'ssm is well'}: ${user.ms} ms`)
      }
    }
  }
})

t.test('a refusal for want of the key leaves nothing behind that fails a later call', async (t) => {
  const file = await addTenant(DECOY)
  const { userPoolId } = file
  cognito.putUser(userPoolId, { username: 'ada' })
  const fresh = await freshFunction()
  const preLogin = () => fresh.invoke({ action: 'pre-login', userPoolId, identifier: 'ada' }, ACTIONS_ALIAS)
  await withoutSsm('HTTP 500', async () => {
    const before = cognito.calls.length
    await preLogin()
    t.equal(cognito.calls.length - before, 2, 'both calls were made, and waited for')
    t.match(fresh.line(), { reason: 'pseudonym_key_unavailable' })
  })
  clock.advance(7 * SECOND)
  t.match(await preLogin(), { body: { identifier: 'ada' } })
  await fresh.close()
})
