import assert from 'node:assert/strict'
import { CognitoIdentityProviderClient, InitiateAuthCommand } from '@aws-sdk/client-cognito-identity-provider'
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import t from 'tap'
import type { AppClient } from '../../src/local/cognito/index.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { hostedArn, putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { withClaim, withoutClaim } from '../../src/triggers/claim.js'
import { triggerEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { pages } from '../fixtures/pages.js'
import { tenantFile } from '../fixtures/tenants.js'

const gateway = await startGateway(t)
const { stack, clock } = gateway
const { cognito, corbado } = stack

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PASSWORD = 'correct-horse-9A'
const OURS = ['ALLOW_CUSTOM_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const
type Settings = NonNullable<AppClient['settings']>
type Version = 'V1_0' | 'V2_0' | 'V3_0'
const versions = ['V1_0', 'V2_0', 'V3_0'] as const

let pools = 0
async function newTenant(
  login: TenantFile['login'] = {},
  version: Version = 'V2_0',
  triggers?: TenantFile['triggers'],
) {
  pools += 1
  const userPoolId = `eu-central-1_Claim${pools}`
  const clientId = `claim${pools}`
  const file = tenantFile({
    ...{ userPoolId, tenantId: `claim-${pools}`, alias: `t-claim-${pools}`, aws: { externalId: `ext-${pools}` } },
    login: { claim: { name: 'corbado', clientIds: [clientId] }, ...login },
    ...(triggers && { triggers }),
    actions: { postAppend: { mfa: 'none' }, ...(login?.flow === undefined && { postLogin: { clientId } }) },
  })
  await gateway.addTenant(file, { clients: [] })
  cognito.putUser(userPoolId, { username: USER, password: PASSWORD, attributes: { sub: USER } })
  const hosted = hostedArn(file.alias)
  function putClient(settings: Settings = {}, more: Partial<AppClient> = {}): void {
    const client = { clientId, preventUserExistenceErrors: true, allowCustomAuth: true, ...more }
    cognito.putPool({
      ...{ userPoolId, accountId: file.aws.accountId, region: file.aws.region, aliasAttributes: [] },
      clients: [{ ...client, settings: { ExplicitAuthFlows: [...OURS], ...settings } }],
      lambdaConfig: {
        ...{ DefineAuthChallenge: hosted, CreateAuthChallenge: hosted, VerifyAuthChallengeResponse: hosted },
        PreTokenGenerationConfig: { LambdaArn: hosted, LambdaVersion: version },
      },
    })
  }
  putClient()
  return { file, userPoolId, clientId, putClient }
}
type Tenant = Awaited<ReturnType<typeof newTenant>>

/** A login with a passkey, and its tokens' claims. */
async function passkeyLogin({ userPoolId, file }: Tenant) {
  const signedPasskeyData = await corbado.sign(file.corbado.projectId, USER)
  const { statusCode, body } = await gateway.action({ action: 'post-login', userPoolId, signedPasskeyData })
  assert.equal(statusCode, 200)
  const { IdToken, AccessToken, RefreshToken } = JSON.parse(String(body.session))
  return { id: decodeJwt(IdToken), access: decodeJwt(AccessToken), refreshToken: RefreshToken as string }
}

const client = new CognitoIdentityProviderClient({ endpoint: cognito.url, region: 'eu-central-1' })
t.teardown(() => client.destroy())
async function initiate(
  { clientId }: Tenant,
  AuthFlow: 'REFRESH_TOKEN_AUTH' | 'USER_PASSWORD_AUTH',
  parameters: object,
) {
  const AuthParameters = { ...parameters } as Record<string, string>
  const { AuthenticationResult } = await client.send(
    new InitiateAuthCommand({ ClientId: clientId, AuthFlow, AuthParameters }),
  )
  return {
    id: decodeJwt(AuthenticationResult?.IdToken ?? ''),
    access: decodeJwt(AuthenticationResult?.AccessToken ?? ''),
  }
}

/** One event of token generation; the claim that its answer gives to ID tokens. */
async function generate({ userPoolId, clientId }: Tenant, source: string, more: object = {}) {
  gateway.take()
  const event = triggerEvent(
    `TokenGeneration_${source}`,
    {},
    {
      ...{ userPoolId, version: '2', callerContext: { clientId }, response: { claimsAndScopeOverrideDetails: null } },
      ...more,
    },
  )
  const answer = (await gateway.trigger(event)) as Record<string, unknown>
  const [line] = gateway.take()
  const { claimsAndScopeOverrideDetails: details } = answer.response as Record<string, unknown>
  const added = (details as Record<string, Record<string, Record<string, unknown>>> | null)?.idTokenGeneration
  return { answer, event, line, claim: added?.claimsToAddOrOverride?.corbado }
}

t.test('nobody else can set the claim, and nobody can suppress it; all else of an answer stays', async (t) => {
  const claim = { amr: ['passkey'], time: 7 }
  const theirs = {
    claimsToAddOrOverride: { corbado: 'forged', plan: 'gold' },
    claimsToSuppress: ['corbado', 'email'],
    more: 1,
  }
  const groups = { groupsToOverride: ['a'] }
  t.strictSame(
    withClaim('1', { claimsOverrideDetails: { ...theirs, groupOverrideDetails: groups } }, 'corbado', claim),
    {
      claimsOverrideDetails: {
        claimsToAddOrOverride: { plan: 'gold', corbado: '{"amr":["passkey"],"time":7}' },
        claimsToSuppress: ['email'],
        more: 1,
        groupOverrideDetails: groups,
      },
    },
  )
  for (const version of ['2', '3'] as const) {
    const both = { idTokenGeneration: theirs, accessTokenGeneration: { ...theirs, scopesToAdd: ['x'] } }
    const answer = { claimsAndScopeOverrideDetails: { ...both, groupOverrideDetails: groups } }
    const ours = { claimsToAddOrOverride: { plan: 'gold', corbado: claim }, claimsToSuppress: ['email'], more: 1 }
    t.strictSame(withClaim(version, answer, 'corbado', claim), {
      claimsAndScopeOverrideDetails: {
        idTokenGeneration: ours,
        accessTokenGeneration: { ...ours, scopesToAdd: ['x'] },
        groupOverrideDetails: groups,
      },
    })
    const without = { claimsToAddOrOverride: { plan: 'gold' }, claimsToSuppress: ['email'], more: 1 }
    t.match(withoutClaim(answer, 'corbado'), {
      claimsAndScopeOverrideDetails: { idTokenGeneration: without, accessTokenGeneration: without },
    })
  }
  for (const nothing of [undefined, null, {}, { claimsOverrideDetails: null }, 'odd']) {
    const added = { claimsOverrideDetails: { claimsToAddOrOverride: { corbado: JSON.stringify(claim) } } }
    t.strictSame(withClaim('1', nothing, 'corbado', claim), added)
    t.strictSame(withoutClaim(nothing, 'corbado'), typeof nothing === 'string' ? {} : { ...nothing })
  }
})

t.test("on top of the customer's own function stands the claim that is true, or none of that name", async (t) => {
  const functionArn = 'arn:aws:lambda:eu-central-1:111122223333:function:tokens'
  const details = { claimsToAddOrOverride: { plan: 'gold', corbado: 'forged' }, claimsToSuppress: ['corbado'] }
  stack.lambda.putFunction({
    functionArn,
    runner: inProcess(
      async (event) => ({
        ...(event as object),
        response: { claimsAndScopeOverrideDetails: { idTokenGeneration: details, accessTokenGeneration: details } },
      }),
      clock,
    ),
    aliases: [],
  })
  const own = await newTenant({}, 'V2_0', { preTokenGeneration: { mode: 'chain', functionArn } })
  const { id, access, refreshToken } = await passkeyLogin(own)
  for (const token of [id, access]) t.match(token, { plan: 'gold', corbado: { amr: ['passkey'] } })
  const renewed = await initiate(own, 'REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refreshToken })
  for (const token of [renewed.id, renewed.access]) {
    t.equal(token.plan, 'gold')
    t.notOk('corbado' in token, 'a renewal has none, whatever the function says')
  }
  own.putClient({ ExplicitAuthFlows: [...OURS, 'ALLOW_USER_PASSWORD_AUTH'] })
  clock.advance(61_000)
  const unproven = await passkeyLogin(own)
  t.equal(unproven.id.plan, 'gold')
  t.notOk('corbado' in unproven.id, 'nor has a login of a client that takes passwords')
})

t.test(
  'what a function says under that name is removed too if the tenant is not served, and from events to come',
  async (t) => {
    const functionArn = 'arn:aws:lambda:eu-central-1:111122223333:function:forging'
    const details = {
      claimsToAddOrOverride: { plan: 'gold', corbado: 'forged' },
      claimsToSuppress: ['corbado', 'email'],
    }
    const forged = {
      claimsOverrideDetails: details,
      claimsAndScopeOverrideDetails: { idTokenGeneration: details, accessTokenGeneration: details, later: [details] },
    }
    const runner = inProcess(async (event) => ({ ...(event as object), response: forged }), clock)
    stack.lambda.putFunction({ functionArn, runner, aliases: [] })
    const chained = { preTokenGeneration: { mode: 'chain', functionArn } } as const
    for (const status of ['draft', 'suspended', 'passkeys-off', 'active'] as const) {
      const { file, userPoolId, clientId } = await newTenant({}, 'V2_0', chained)
      await putTenantRecord(stack, { ...toLocal(file, stack), status }, userPoolId, 2)
      clock.advance(301_000)
      for (const version of ['1', '2', '3', '4', null]) {
        for (const source of ['Authentication', 'HostedAuth', 'RefreshTokens']) {
          const callerContext = {
            awsSdkVersion: 'aws-sdk-js-3.1169.0',
            clientId: version === '4' ? clientId : 'another',
          }
          const event = triggerEvent(`TokenGeneration_${source}`, {}, { userPoolId, version, callerContext })
          const answer = JSON.stringify(await gateway.trigger(event))
          t.notMatch(
            answer.replace(JSON.stringify(callerContext), ''),
            /forged|\["corbado"/,
            `${status}, ${version}, ${source}`,
          )
          t.match(answer, 'gold', 'and nothing else of it is')
        }
      }
    }
  },
)

for (const version of versions) {
  t.test(
    `${version}: the tokens of a passkey login have it, those of a refresh and of a password do not`,
    async (t) => {
      const tenant = await newTenant({}, version)
      const { id, access, refreshToken } = await passkeyLogin(tenant)
      const claim = { amr: ['passkey'], time: Math.floor(clock.now() / 1_000) }
      t.strictSame(id.corbado, version === 'V1_0' ? JSON.stringify(claim) : claim)
      t.strictSame(access.corbado, version === 'V1_0' ? undefined : claim)
      t.equal(id['cognito:username'], USER)
      const renewed = await initiate(tenant, 'REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: refreshToken })
      t.strictSame([renewed.id.corbado, renewed.access.corbado], [undefined, undefined])
      tenant.putClient({ ExplicitAuthFlows: [...OURS, 'ALLOW_USER_PASSWORD_AUTH'] })
      clock.advance(60_000)
      const byPassword = await initiate(tenant, 'USER_PASSWORD_AUTH', { USERNAME: USER, PASSWORD })
      t.strictSame([byPassword.id.corbado, byPassword.access.corbado], [undefined, undefined])
      t.equal((await passkeyLogin(tenant)).id.corbado, undefined, 'a password could have been used: no claim any more')
    },
  )
}

t.test('with the password first, it says both', async (t) => {
  const tenant = await newTenant({ flow: 'password-then-passkey' })
  const { claim, line } = await generate(tenant, 'Authentication')
  t.strictSame(claim, { amr: ['pwd', 'passkey'], time: Math.floor(clock.now() / 1_000) })
  t.match(line, { outcome: 'claimed', level: 'info' })
})

t.test('without login.claim, for other clients and at other sources, events come back as they came', async (t) => {
  const tenant = await newTenant()
  const before = () => cognito.calls.filter(({ operation }) => operation === 'DescribeUserPoolClient').length
  const asked = before()
  for (const source of [
    'HostedAuth',
    'NewPasswordChallenge',
    'AuthenticateDevice',
    'RefreshTokens',
    'ClientCredentials',
  ]) {
    const { answer, event, line } = await generate(tenant, source)
    t.strictSame(answer, event, source)
    t.match(line, { outcome: 'unchanged', level: 'info' })
  }
  for (const callerContext of [{ clientId: 'other1' }, {}, null, { clientId: 7 }, undefined]) {
    const { answer, event } = await generate(tenant, 'Authentication', { callerContext })
    t.strictSame(answer, event)
  }
  t.equal(before(), asked, 'nothing is asked of the pool')
})

t.test('a client that allows any other sign-in has no claim, and a line says so', async (t) => {
  const others: Settings[] = [
    ...['ALLOW_USER_SRP_AUTH', 'ALLOW_USER_PASSWORD_AUTH', 'ALLOW_ADMIN_USER_PASSWORD_AUTH', 'ALLOW_USER_AUTH'].map(
      (flow) => ({ ExplicitAuthFlows: [...OURS, flow] }) as Settings,
    ),
    { ExplicitAuthFlows: ['CUSTOM_AUTH_FLOW_ONLY'] },
    { ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'] },
    { ExplicitAuthFlows: [] },
    { ExplicitAuthFlows: undefined },
    { AllowedOAuthFlowsUserPoolClient: true },
    { AllowedOAuthFlows: ['client_credentials'] },
  ]
  for (const settings of others) {
    const tenant = await newTenant()
    tenant.putClient(settings)
    const { answer, event, line } = await generate(tenant, 'Authentication')
    t.strictSame(answer, event, JSON.stringify(settings))
    t.match(line, { outcome: 'unchanged', reason: 'claim_unproven', level: 'warn' })
  }
})

t.test('a client that cannot be read has no claim, and its tokens are issued in time', async (t) => {
  for (const fault of [
    { kind: 'hang' },
    { kind: 'denied' },
    { kind: 'status', status: 500 },
    { kind: 'garbage' },
  ] as const) {
    const tenant = await newTenant()
    await cognito.setFault(fault, 'DescribeUserPoolClient')
    const { answer, event, line } = await generate(tenant, 'Authentication')
    await cognito.setFault(undefined)
    t.strictSame(answer, event, fault.kind)
    t.match(line, { outcome: 'unchanged', reason: 'claim_unproven', operation: 'DescribeUserPoolClient' })
  }
  const odd = await newTenant()
  t.match((await generate(odd, 'Authentication', { version: '4' })).line, { reason: 'claim_unproven' })
})

t.test('a client is asked for once in 60 s, however many sign in', async (t) => {
  const tenant = await newTenant()
  const calls = () =>
    cognito.calls.filter(({ operation, input }) => {
      return operation === 'DescribeUserPoolClient' && (input as { ClientId: string }).ClientId === tenant.clientId
    }).length
  const event = triggerEvent(
    'TokenGeneration_Authentication',
    {},
    {
      ...{ userPoolId: tenant.userPoolId, version: '2', callerContext: { clientId: tenant.clientId } },
    },
  )
  await Promise.all(Array.from({ length: 20 }, () => gateway.trigger(event)))
  t.equal(calls(), 1)
  clock.advance(59_999)
  await gateway.trigger(event)
  t.equal(calls(), 1)
  clock.advance(1)
  await gateway.trigger(event)
  t.equal(calls(), 2)
})

/* ------------------------------------------------------------------------------------------------------------------ *
 * The model: logins of every kind over two clients whose flows change meanwhile, and with them the config; with the customer's
 * own function below, and without.
 * ------------------------------------------------------------------------------------------------------------------ */

/** What else a client may allow, and the login that it opens. */
const DOORS = {
  password: { ExplicitAuthFlows: [...OURS, 'ALLOW_USER_PASSWORD_AUTH'] },
  hosted: { AllowedOAuthFlowsUserPoolClient: true },
  none: {},
} as const satisfies Record<string, Settings>
type Door = keyof typeof DOORS
const LOGINS = {
  passkey: 'Authentication',
  password: 'Authentication',
  hosted: 'HostedAuth',
  refresh: 'RefreshTokens',
  device: 'AuthenticateDevice',
  'new password': 'NewPasswordChallenge',
  machine: 'ClientCredentials',
} as const
const WEB = ['web', 'till'] as const
type Web = (typeof WEB)[number]

/** How long an app client's settings are believed, and a config is served at once, or at all. */
const CLIENT_MS = 60_000
const FRESH_MS = 60_000
const STALE_MS = 300_000

/** What the config says; a claim is for clients that are ours alone. */
interface Said {
  readonly ours: readonly Web[] | undefined
  readonly claim: readonly Web[]
  readonly flow: 'passkey' | 'password-then-passkey'
  readonly status: 'active' | 'passkeys-off' | 'suspended' | 'draft'
  readonly isChained: boolean
}
const said: fc.Arbitrary<Said> = fc
  .record({
    ours: fc.constantFrom<Said['ours'][]>(undefined, undefined, WEB, ['web'], ['till']),
    claim: fc.constantFrom<Said['claim'][]>(WEB, WEB, ['web'], ['till'], []),
    flow: fc.constantFrom<Said['flow'][]>('passkey', 'passkey', 'password-then-passkey'),
    status: fc.constantFrom<Said['status'][]>('active', 'active', 'active', 'passkeys-off', 'suspended', 'draft'),
    isChained: fc.boolean(),
  })
  .map((one) => ({ ...one, claim: one.claim.filter((web) => one.ours?.includes(web) ?? true) }))

type Step =
  | { readonly kind: 'login'; readonly login: keyof typeof LOGINS; readonly web: Web }
  | { readonly kind: 'set'; readonly door: Door; readonly web: Web }
  | { readonly kind: 'config'; readonly said: Said }
  | { readonly kind: 'pass'; readonly ms: number }
const web = fc.constantFrom(...WEB)
const login = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom<(keyof typeof LOGINS)[]>('passkey', 'password') },
  { weight: 1, arbitrary: fc.constantFrom(...(Object.keys(LOGINS) as (keyof typeof LOGINS)[])) },
)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('login' as const), login, web }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        door: fc.constantFrom<Door[]>('password', 'hosted', 'none', 'none'),
        web,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('config' as const), said }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        ms: fc.constantFrom(1, 20_000, 59_999, 60_000, 239_999, 300_000),
      }),
    },
  ),
  { minLength: 6, maxLength: 30 },
)

const FORGED = { claimsToAddOrOverride: { plan: 'gold', corbado: 'forged' }, claimsToSuppress: ['corbado', 'email'] }
/** As the version of an event has it, in both kinds of tokens if it can be. */
const detailsOf = (version: unknown, details: object | null) => {
  if (version === '1') return { claimsOverrideDetails: details }
  const both = details && { idTokenGeneration: details, accessTokenGeneration: details }
  return { claimsAndScopeOverrideDetails: both }
}

/** A pool with two app clients, and the customer's function that would forge the claim. */
async function newModel(version: Version) {
  pools += 1
  const userPoolId = `eu-central-1_Model${pools}`
  const functionArn = `arn:aws:lambda:eu-central-1:111122223333:function:model-${pools}`
  const runner = inProcess(async (event) => {
    const { version: given } = event as { version?: string }
    return { ...(event as object), response: detailsOf(given, FORGED) }
  }, clock)
  stack.lambda.putFunction({ functionArn, runner, aliases: [] })
  const idOf = (one: Web) => `${one}${userPoolId.split('_')[1]}`
  const fileOf = ({ ours, claim, flow, status, isChained }: Said) =>
    tenantFile({
      ...{ userPoolId, tenantId: `claim-${pools}`, alias: `t-claim-${pools}`, aws: { externalId: `ext-${pools}` } },
      status,
      login: {
        flow,
        ...(ours && { clientIds: ours.map(idOf) }),
        ...(claim.length > 0 && { claim: { name: 'corbado', clientIds: claim.map(idOf) } }),
      },
      ...(isChained && { triggers: { preTokenGeneration: { mode: 'chain', functionArn } } }),
      actions: { postAppend: { mfa: 'none' } },
    })
  // The role may do all that any of the configs needs.
  const all: Said = { ours: undefined, claim: WEB, flow: 'passkey', status: 'active', isChained: true }
  const file = fileOf(all)
  await gateway.addTenant(file, { clients: [] })
  let written = 1
  return {
    async say(next: Said) {
      written += 1
      await putTenantRecord(stack, toLocal({ ...fileOf(next), alias: file.alias }, stack), userPoolId, written)
    },
    putClients: (doors: Readonly<Record<Web, Door>>) =>
      cognito.putPool({
        ...{ userPoolId, accountId: file.aws.accountId, region: file.aws.region, aliasAttributes: [] },
        clients: WEB.map((one) => ({
          ...{ clientId: idOf(one), preventUserExistenceErrors: true, allowCustomAuth: true },
          settings: { ExplicitAuthFlows: [...OURS], ...DOORS[doors[one]] } as Settings,
        })),
        lambdaConfig: {},
      }),
    /** One event of token generation, and the answer to it. */
    async generate(source: string, one: Web) {
      const number = version.slice(1, 2)
      const more = { version: number, callerContext: { clientId: idOf(one) }, response: detailsOf(number, null) }
      const event = triggerEvent(`TokenGeneration_${source}`, {}, { userPoolId, ...more })
      gateway.take()
      const answer = (await gateway.trigger(event)) as Record<string, unknown>
      const [line] = gateway.take()
      return { event, answer, line }
    },
  }
}

/** What happened lately: from when on each was so; the last is so now. */
function createPast<T>(first: T) {
  const all = [{ from: Number.NEGATIVE_INFINITY, what: first }]
  return {
    now: () => all.at(-1)?.what ?? first,
    add: (what: T) => void all.push({ from: clock.elapsed(), what }),
    /** All that was so at some time within so many milliseconds. */
    within: (ms: number) =>
      all
        .filter((_, i) => (all[i + 1]?.from ?? Number.POSITIVE_INFINITY) > clock.elapsed() - ms)
        .map(({ what }) => what),
  }
}

t.test(
  'whatever signs in while flows and configs change, the claim is that of a passkey login of a client that was closed',
  async (t) => {
    const seen = { claimed: 0, claimedOnTop: 0, absent: 0, removed: 0, remembered: 0, ofOldConfig: 0 }
    const property = fc.asyncProperty(fc.constantFrom(...versions), said, steps, async (version, first, run) => {
      const model = await newModel(version)
      const configs = createPast(first)
      const doors = createPast<Record<Web, Door>>({ web: 'none', till: 'none' })
      await model.say(first)
      model.putClients(doors.now())
      /** What the gateway has in memory, and since when. */
      let held: { readonly config: Said; readonly at: number } | undefined
      const told = new Map<Web, { readonly at: number; readonly isClosed: boolean }>()

      /** The config by which the next event is answered: one that is read again meanwhile serves once more. */
      function serving(): Said {
        const now = clock.elapsed()
        const before = held
        if (before && now - before.at < FRESH_MS) return before.config
        held = { config: configs.now(), at: now }
        return before && now - before.at < STALE_MS ? before.config : held.config
      }
      function isBelievedClosed(one: Web): boolean {
        const known = told.get(one)
        if (known && clock.elapsed() - known.at < CLIENT_MS) return known.isClosed
        const isClosed = doors.now()[one] === 'none'
        told.set(one, { at: clock.elapsed(), isClosed })
        return isClosed
      }

      for (const step of run) {
        if (step.kind === 'pass') clock.advance(step.ms)
        else if (step.kind === 'set') {
          doors.add({ ...doors.now(), [step.web]: step.door })
          model.putClients(doors.now())
        } else if (step.kind === 'config') {
          configs.add(step.said)
          await model.say(step.said)
        } else {
          // Cognito lets a password in only if the client does; to the gateway it looks like a passkey.
          if (step.login === 'password' && doors.now()[step.web] !== 'password') continue
          const source = LOGINS[step.login]
          const config = serving()
          const isServed = config.status === 'active' || config.status === 'passkeys-off'
          const isWanted = isServed && source === 'Authentication' && config.claim.includes(step.web)
          const expected = isWanted && isBelievedClosed(step.web)
          const { event, answer, line } = await model.generate(source, step.web)
          const about = `${version}, ${JSON.stringify(step)} with ${JSON.stringify(config)}: ${JSON.stringify(line)}`

          const amr = config.flow === 'passkey' ? ['passkey'] : ['pwd', 'passkey']
          const claim = { amr, time: Math.floor(clock.now() / 1_000) }
          const value = version === 'V1_0' ? JSON.stringify(claim) : claim
          const theirs = config.isChained ? FORGED : undefined
          const { corbado: forged, ...others } = theirs?.claimsToAddOrOverride ?? { corbado: undefined }
          // Without login.claim the name is the function's own.
          const kept = config.claim.length === 0 && theirs !== undefined ? { corbado: forged } : {}
          const due = {
            claimsToAddOrOverride: { ...others, ...kept, ...(expected && { corbado: value }) },
            ...(theirs && { claimsToSuppress: config.claim.length === 0 ? theirs.claimsToSuppress : ['email'] }),
          }
          const details = theirs || expected ? due : null
          assert.deepStrictEqual(answer, { ...event, response: detailsOf(version.slice(1, 2), details) }, about)

          if (!expected) {
            seen.absent += 1
            if (theirs && config.claim.length > 0) seen.removed += 1
            continue
          }
          // True, but for what the contract lets the gateway remember.
          assert.equal(source, 'Authentication', about)
          assert.ok(
            doors.within(CLIENT_MS).some((lately) => lately[step.web] === 'none'),
            about,
          )
          const lately = configs.within(STALE_MS)
          assert.ok(
            lately.some((one) => one.claim.includes(step.web) && one.flow === config.flow),
            about,
          )
          seen.claimed += 1
          if (theirs) seen.claimedOnTop += 1
          if (step.login === 'password') seen.remembered += 1
          if (!configs.now().claim.includes(step.web)) seen.ofOldConfig += 1
        }
      }
    })
    // The runs take days of the clock together; the gateway's own credentials would not last so long.
    Object.assign(stack.identity.find(process.env.AWS_ACCESS_KEY_ID ?? '') ?? {}, {
      expiresAt: Number.POSITIVE_INFINITY,
    })
    await fc.assert(property, { numRuns: 100 })
    // The last two are of logins in the short time in which something else was so: chance may not bring them.
    const { remembered: _, ofOldConfig: __, ...always } = seen
    t.ok(
      Object.values(always).every((count) => count > 0),
      JSON.stringify(seen),
    )
    t.comment(JSON.stringify(seen))
  },
)

t.test('the check of CLAIM.md tells a passkey login, by either form of the claim and its age', async (t) => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(pages.get('tenants/CLAIM.md') ?? '') ?? []
  const { hasUsedPasskey } = await import(`data:text/javascript,${encodeURIComponent(code)}`)
  const tenant = await newTenant()
  const { id } = await passkeyLogin(tenant)
  const old = await newTenant({}, 'V1_0')
  const { id: text } = await passkeyLogin(old)
  const age = Math.ceil(Date.now() / 1_000 - clock.now() / 1_000)
  for (const payload of [id, text]) {
    t.equal(hasUsedPasskey(payload, age + 60), true)
    t.equal(hasUsedPasskey(payload, age - 60), false)
  }
  for (const payload of [
    {},
    { corbado: {} },
    { corbado: { amr: ['pwd'], time: 9e9 } },
    { corbado: { amr: ['passkey'] } },
  ])
    t.equal(hasUsedPasskey(payload, 60), false)
})
