import { createHmac } from 'node:crypto'
import { openSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pino from 'pino'
import { Pool } from 'undici'
import { buildApp } from '../../../src/app.js'
import { type Clock, systemClock } from '../../../src/call.js'
import { parseEnv } from '../../../src/env.js'
import { createHandler, lambdaInvocation } from '../../../src/invocation.js'
import { ACTIONS_ALIAS, FUNCTION_ARN } from '../../../src/local/accounts.js'
import { hostedArn } from '../../../src/local/world/tenants.js'
import { createLogger } from '../../../src/plugins/logger.js'
import { createUpstreams } from '../../../src/upstreams/index.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from '../../fixtures/events.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { isSmoke, type Row, times } from '../report.js'
import { startServices } from './services.js'

const TENANTS = times(10_000, 100)
/** Fewer than there are, so that tenants make room for others all the time. */
const IN_MEMORY = times(8_000, 80)
/** Nine of ten calls are about these. */
const HOT = times(2_000, 20)
const IN_FLIGHT = 32
const SAMPLES = 50
/** Calls from one minute of the gateway's time to the next: configs, secrets and credentials are renewed as it passes. */
const CALLS_A_MINUTE = 100_000
const ROTATIONS = 8
const MINUTE_MS = 60_000
/** What passes from one rotation to the next, in addition: over all of them, credentials come near their end. */
const ROTATION_MINUTES = 10
/** How many times longer than its time a call may take on a busy machine. */
const PATIENCE = 50

/** What is kept on purpose, in bytes each, with room for the map around it: verdicts up to 100,000, ids up to 500,000. */
const VERDICT_BYTES = 900
const VERDICTS_MAX = 100_000
const ID_BYTES = 300
/** Of a tenant that has verified: its secret; of one that has asked Cognito: its role's credentials. */
const SECRET_BYTES = 900
const ROLE_BYTES = 2_500
/** What a heap differs by from one collection to the next. */
const NOISE_BYTES = 6_000_000
/** Every service at most as many connections as there are calls, and a few pipes. */
const HANDLES_MAX = 6 * IN_FLIGHT + 20
const RSS_GROWTH_MAX = 1.25

interface Sample {
  readonly calls: number
  readonly heap: number
  readonly rss: number
  readonly handles: number
}

const poolId = (i: number) => `eu-central-1_S${String(i).padStart(6, '0')}`
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const secret = Buffer.alloc(32, 7)

function signed(body: string, id: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000))
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** Least squares: how much a figure grows with each call. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(samples.map(({ calls }) => calls)), mean(samples.map(of))]
  const above = samples.reduce((sum, sample) => sum + (sample.calls - x) * (of(sample) - y), 0)
  return above / samples.reduce((sum, { calls }) => sum + (calls - x) ** 2, 0)
}

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
const most = (values: readonly number[]) => Math.max(...values)

/**
 * A million mixed calls (`--calls N`) over 10,000 tenants through both doors, while tenants are evicted, time passes, and secrets
 * and roles' sessions are rotated: what grows, and whether it stays within what is kept on purpose. Ends the process with 1 if not.
 */
export async function soak(): Promise<Row[]> {
  const at = process.argv.indexOf('--calls')
  const calls = at > 0 ? Number(process.argv[at + 1]) : times(process.argv.includes('soak') ? 1_000_000 : 20_000, 500)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  const base = tenantFile({ limits: { verifyPerSecond: 10_000, listUsersPerSecond: 25 } })
  const world = await startServices()
  await world.putTenants(base)

  // Time passes with the calls and not with the machine, so that a busy one is not taken for a late answer.
  const startedAt = Date.now()
  let movedMs = 0
  const clock: Clock = {
    now: () => startedAt + Math.floor(movedMs),
    elapsed: () => movedMs,
    after: (ms, run) => systemClock.after(ms * PATIENCE, run),
  }
  const settings = {
    AWS_REGION: 'eu-central-1',
    TENANT_TABLE: 'tenants',
    BACKEND_API_HOSTS: '127.0.0.1',
    MAX_TENANTS_IN_MEMORY: String(IN_MEMORY),
    CALLER_SECRETS_PARAMETER: '/corbado/gateway/callers',
    PSEUDONYM_KEY_PARAMETER: '/corbado/gateway/pseudonym-key',
    AWS_ACCESS_KEY_ID: 'AKIASOAK',
    AWS_SECRET_ACCESS_KEY: 'x',
    ...world.endpoints,
  }
  Object.assign(process.env, settings)
  const env = parseEnv(settings)
  const logger = createLogger('info', pino.destination({ dest: openSync('/dev/null', 'w'), sync: true }))
  const upstreams = createUpstreams(env, clock)
  const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
  const handler = await createHandler(app, clock)
  const serverUpstreams = createUpstreams(env, clock)
  const server = buildApp({ env, upstreams: serverUpstreams, clock, logger })
  const client = new Pool(await server.listen({ port: 0, host: '127.0.0.1' }), { connections: IN_FLIGHT })
  const context = (alias: string) => ({
    awsRequestId: '00000000-0000-4000-8000-000000000000',
    invokedFunctionArn: alias === ACTIONS_ALIAS ? `${FUNCTION_ARN}:${alias}` : hostedArn(alias),
    getRemainingTimeInMillis: () => 5_000,
  })
  const tenantContext = context(base.alias)
  const actionContext = context(ACTIONS_ALIAS)

  const verified = new Set<string>()
  const asked = new Set<string>()
  let [verdicts, ids, wrong, inContainer, rotations] = [0, 0, 0, 0, 0]
  let seed = 20_261_129
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }

  /** The n-th call, as its place in the mix says, and what its answer must have. */
  function callOf(n: number): { content: Record<string, unknown>; right: string } {
    const userPoolId = poolId(random(10) === 0 ? random(TENANTS) : random(HOT))
    const pool = { userPoolId, userName: `user-${random(1_000)}` }
    const kind = random(100)
    if (kind < 35) return { content: defineEvent([], {}, pool), right: '"challengeName":"CUSTOM_CHALLENGE"' }
    if (kind < 60) return { content: createEvent([], pool), right: '"nonce"' }
    if (kind < 70) {
      verdicts += 1
      verified.add(userPoolId)
      const good = random(4) > 0
      const exp = Math.floor(clock.now() / 1_000) + 300
      const proof = `${part({ alg: 'RS256' })}.${part({ iss: 'pro-1001', exp, jti: n })}.${good ? 'good' : 'bad'}`
      const request = { privateChallengeParameters: { cognitoID: pool.userName, nonce: `nonce-${n}` } }
      return { content: verifyEvent(proof, request, pool), right: `"answerCorrect":${good}` }
    }
    if (kind < 95) return { content: triggerEvent('PreSignUp_SignUp', {}, pool), right: '"response":{}' }
    asked.add(userPoolId)
    if (kind < 99) {
      const nobody = random(10) === 0
      const identifier = nobody ? `nobody-${n}` : pool.userName
      const right = nobody ? '"user_not_found"' : `"identifier":"${identifier}"`
      return { content: { action: 'pre-login', userPoolId, identifier }, right }
    }
    return { content: { action: 'post-append', userPoolId, username: pool.userName }, right: '{}' }
  }

  async function send(n: number): Promise<void> {
    const { content, right } = callOf(n)
    const isAction = 'action' in content
    let answer: string
    if (n % 12 === 0) {
      inContainer += 1
      if (isAction) ids += 1
      const body = JSON.stringify(content)
      const triggers: Record<string, string> = { D: 'define-', C: 'create-', V: 'verify-' }
      const [first = ''] = String(content.triggerSource)
      const trigger = first === 'V' ? 'verify-auth-challenge-response' : `${triggers[first]}auth-challenge`
      const what = isAction ? `actions/${content.action}` : `triggers/${first === 'P' ? 'pre-sign-up' : trigger}`
      const path = `/v1/pools/${content.userPoolId}/${what}`
      const headers = { 'content-type': 'application/json', ...signed(body, `m${n}`, clock.now()) }
      answer = await (await client.request({ method: 'POST', path, headers, body })).body.text()
    } else {
      answer = await handler(content, isAction ? actionContext : tenantContext).then(JSON.stringify, String)
    }
    if (answer.includes(right)) return
    wrong += 1
    if (wrong <= 5) console.error(`wrong: ${answer.slice(0, 300)} for ${right}`)
  }

  // Every tenant once: from here on as many configs are in memory as may be.
  let known = 0
  async function learn(): Promise<void> {
    while (known < TENANTS) {
      const userPoolId = poolId(known)
      known += 1
      await handler(triggerEvent('PreSignUp_SignUp', {}, { userPoolId }), tenantContext)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, learn))

  const samples: Sample[] = []
  const kept: number[] = []
  const start = performance.now()
  const each = Math.max(1, Math.floor(calls / SAMPLES))
  let next = 0
  for (let round = 0; round < SAMPLES; round += 1) {
    const end = (round + 1) * each
    async function work(): Promise<void> {
      while (next < end) {
        const n = next
        next += 1
        movedMs += MINUTE_MS / CALLS_A_MINUTE
        await send(n)
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, work))
    if ((round + 1) % Math.ceil(SAMPLES / ROTATIONS) === 0) {
      movedMs += ROTATION_MINUTES * MINUTE_MS
      rotations += 1
      await world.ask({ rotate: true })
    }
    collect()
    const { heapUsed, rss } = process.memoryUsage()
    samples.push({ calls: end, heap: heapUsed, rss, handles: process.getActiveResourcesInfo().length })
    const tenants = Math.min(verified.size, IN_MEMORY) * SECRET_BYTES + Math.min(asked.size, IN_MEMORY) * ROLE_BYTES
    kept.push(Math.min(verdicts, VERDICTS_MAX) * VERDICT_BYTES + ids * ID_BYTES + tenants)
  }
  const seconds = (performance.now() - start) / 1_000
  const { counts } = await world.ask({})

  const from = Math.floor(SAMPLES * 0.6)
  const last = samples.slice(from)
  const earlier = samples.slice(Math.floor(SAMPLES * 0.2), from)
  const [first] = last as [Sample]
  const end = samples.at(-1) as Sample
  const heapGrowth = most(last.slice(-5).map(({ heap }) => heap)) - first.heap
  const allowed = (kept.at(-1) ?? 0) - (kept[from] ?? 0) + NOISE_BYTES
  const rssRatio = most(last.map(({ rss }) => rss)) / most(earlier.map(({ rss }) => rss))
  const handles = most(samples.map((sample) => sample.handles))
  const perCall = (of: (sample: Sample) => number) => `${slope(last, of).toFixed(1)} bytes a call`
  const bounds = [
    { what: 'right answers', figure: `${end.calls - wrong} of ${end.calls}`, bound: 'all', held: wrong === 0 },
    {
      what: 'heap after collection',
      figure: `${mb(end.heap)}, ${perCall(({ heap }) => heap)}`,
      bound: `grew ${mb(heapGrowth)} of ${mb(allowed)} in the last 40 %`,
      held: heapGrowth <= allowed,
    },
    {
      what: 'RSS',
      figure: `${mb(end.rss)}, ${perCall(({ rss }) => rss)}`,
      bound: `most of the last 40 % ${rssRatio.toFixed(2)} of the 40 % before, ≤ ${RSS_GROWTH_MAX}`,
      held: rssRatio <= RSS_GROWTH_MAX,
    },
    {
      what: 'handles',
      figure: `${end.handles}, most ${handles}`,
      bound: `≤ ${HANDLES_MAX}`,
      held: handles <= HANDLES_MAX,
    },
  ]
  const isHeld = bounds.every(({ held }) => held)
  const markdown = [
    '### Soak',
    '',
    `${end.calls.toLocaleString('en-US')} calls (${inContainer.toLocaleString('en-US')} of them over the container door) about ` +
      `${TENANTS.toLocaleString('en-US')} tenants, ${IN_MEMORY.toLocaleString('en-US')} of them in memory, in ${Math.round(seconds)} s ` +
      `(${Math.round(end.calls / seconds)}/s); ${Math.round(movedMs / MINUTE_MS)} minutes passed, ${rotations} rotations of all secrets and sessions.`,
    `Dependencies were asked: ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}.`,
    '',
    '| figure | at the end | bound | held |',
    '|---|---|---|---|',
    ...bounds.map(({ what, figure, bound, held }) => `| ${what} | ${figure} | ${bound} | ${held ? 'yes' : '**no**'} |`),
    '',
    '| calls | heap | RSS | handles |',
    '|---|---|---|---|',
    ...samples
      .filter((_, i) => (i + 1) % 5 === 0)
      .map(
        ({ calls, heap, rss, handles }) =>
          `| ${calls.toLocaleString('en-US')} | ${mb(heap)} | ${mb(rss)} | ${handles} |`,
      ),
    '',
  ].join('\n')
  if (!isSmoke) process[process.argv.includes('--json') ? 'stderr' : 'stdout'].write(`${markdown}\n`)

  await client.destroy()
  await Promise.all([app.close(), server.close()])
  await Promise.all([upstreams.close(), serverUpstreams.close()])
  world.stop()
  if (!isHeld && !isSmoke) process.exit(1)
  return [
    {
      name: `soak: heap growth in the last 40 % of ${end.calls} calls`,
      unit: 'MB',
      ours: heapGrowth / 1e6,
      reference: allowed / 1e6,
      referenceName: 'what is kept on purpose',
      ratio: heapGrowth / allowed,
      most: 1,
    },
  ]
}
