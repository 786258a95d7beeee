import { readFileSync } from 'node:fs'
import { tenantFile } from '../../fixtures/tenants.js'
import { type RunningServer, startServer } from '../load.js'
import { percentile, sendAtRate } from '../neighbours/open-loop.js'
import { requestsBy } from '../neighbours/requests.js'
import { median, type Row, times } from '../report.js'
import { type Services, startServices } from '../soak/services.js'

/** The stand-in knows a tenant for each of so many pools. */
const POOLS = times(100_000, 100)
/** How many of them have logins. */
const ACTIVE = [1, times(100, 10), times(10_000, 20)] as const
/** Logins until a server is warm, where there are fewer pools. */
const WARM = times(2_000, 20)
const LOGINS = times(3_000, 20)
const ROUNDS = times(3)
const IN_FLIGHT = 8
/** A rate that leaves the machine time, at which answers are timed, and for how many seconds. */
const PER_SECOND = times(400, 40)
const SECONDS = times(10)
/** What the stand-in of SSM holds: soak/world.mjs. */
const CALLER_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

interface Round {
  /** As many at once as the connections take. */
  readonly perSecond: number
  /** Milliseconds, at {@link PER_SECOND}. */
  readonly p99: number
  /** A login. */
  readonly reads: number
  readonly assumed: number
}

const STEPS = ['preLogin', 'define', 'create', 'verify', 'define'] as const
const requests = requestsBy(CALLER_SECRET)

/** Active pools stand apart from each other among all. */
const poolId = (i: number, active: number) =>
  `eu-central-1_S${String(Math.floor((i * POOLS) / active)).padStart(6, '0')}`
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
let proofs = 0
function proof(): string {
  proofs += 1
  const exp = Math.floor(Date.now() / 1_000) + 300
  return `${part({ alg: 'RS256' })}.${part({ iss: 'pro-1001', exp, jti: proofs })}.good`
}

/** Whole logins of the active pools in turn, from `from` on: pre-login, define, create, verify, and define again. */
async function logIn({ pool }: RunningServer, active: number, from: number, logins: number): Promise<void> {
  let next = from
  async function one(): Promise<void> {
    while (next < from + logins) {
      const userPoolId = poolId(next % active, active)
      next += 1
      for (const name of STEPS) {
        const { shot, isRight } = requests[name]({ userPoolId }, proof())
        const { path, headers, body } = shot
        const answer = await pool.request({ method: 'POST', path, headers, body })
        const said = await answer.body.text()
        if (!isRight(answer.statusCode, said)) throw new Error(`${name} was answered ${answer.statusCode}: ${said}`)
      }
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
}

async function measureRound(server: RunningServer, services: Services, active: number, from: number): Promise<Round> {
  const { counts: before } = await services.ask({})
  const start = performance.now()
  await logIn(server, active, from, LOGINS)
  const seconds = (performance.now() - start) / 1_000
  const { counts: after } = await services.ask({})
  const asked = (name: string) => ((after[name] ?? 0) - (before[name] ?? 0)) / LOGINS

  const { taken, ended } = await sendAtRate(server.pool, PER_SECOND, SECONDS, (index) => {
    const userPoolId = poolId((from + LOGINS + Math.floor(index / STEPS.length)) % active, active)
    return requests[STEPS[index % STEPS.length] ?? 'define']({ userPoolId }, proof())
  })
  await ended
  if (taken.failures > 0) throw new Error(`${taken.failures} answers were wrong`)
  return {
    perSecond: (LOGINS * STEPS.length) / seconds,
    p99: percentile(taken.ms, 0.99),
    reads: asked('GetItem'),
    assumed: asked('AssumeRole'),
  }
}

const megabytes = ({ pid }: RunningServer) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_000

/** Whole logins on the container door, of 1, 100 and 10,000 of 100,000 pools: does it matter how many they are of? */
export async function scale(): Promise<Row[]> {
  const services = await startServices()
  await services.putTenants(tenantFile({ limits: { verifyPerSecond: 10_000, listUsersPerSecond: 25 } }))
  const env = {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    AWS_REGION: 'eu-central-1',
    TENANT_TABLE: 'tenants',
    BACKEND_API_HOSTS: '127.0.0.1',
    CALLER_SECRETS_PARAMETER: '/corbado/gateway/callers',
    AWS_ACCESS_KEY_ID: 'AKIABENCH',
    AWS_SECRET_ACCESS_KEY: 'x',
    ...services.endpoints,
  }
  const kinds = await Promise.all(
    ACTIVE.map(async (active) => ({
      active,
      server: await startServer('dist/server.mjs', env),
      rounds: [] as Round[],
    })),
  )
  for (const { active, server } of kinds) await logIn(server, active, 0, Math.max(active, WARM))
  // No pool has its next login before all others had theirs.
  const each = LOGINS + Math.ceil((PER_SECOND * SECONDS) / STEPS.length)
  for (let round = 0; round < ROUNDS; round += 1)
    for (const kind of kinds) kind.rounds.push(await measureRound(kind.server, services, kind.active, round * each))
  const figures = kinds.map(({ active, server, rounds }) => ({
    active,
    memory: megabytes(server),
    rounds,
    of: (name: keyof Round) => median(rounds.map((round) => round[name])),
  }))
  await Promise.all(kinds.map(({ server }) => server.stop()))
  services.stop()

  const [one, ...more] = figures
  if (!one) return []
  return more.flatMap(({ active, memory, of }) => {
    const row = (what: string, unit: string, ours: number, reference: number, referenceName = 'one active'): Row => {
      const name = `${active.toLocaleString('en-US')} of ${POOLS.toLocaleString('en-US')} pools active: ${what}`
      return { name, unit, ours, reference, referenceName, ratio: ours / reference }
    }
    const perLogin = 'one for each login'
    return [
      { ...row('steps of logins', 'requests/s', of('perSecond'), one.of('perSecond')), least: 0.9 },
      { ...row(`p99 at ${PER_SECOND} requests/s`, 'ms', of('p99'), one.of('p99')), most: 1.1 },
      { ...row('RSS', 'MB', memory, one.memory), most: 1.1 },
      row('table reads a login', 'reads', of('reads'), 1, perLogin),
      row('AssumeRole a login', 'calls', of('assumed'), 1, perLogin),
    ]
  })
}
