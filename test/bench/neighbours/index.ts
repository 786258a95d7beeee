import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { Pool } from 'undici'
import { NO_SDK_NOTICE } from '../../../src/local/aws/variables.js'
import { startServer } from '../load.js'
import { percentile, sendAtRate, type Taken, type Try } from './open-loop.js'
import { watchProcess } from './process.js'
import { newCallerSecret, requestsBy } from './requests.js'
import type { Cell, Seen } from './results.js'
import type { CallName, Dependency, Member, Order, Sending, World } from './world.js'

export interface Plan {
  readonly rates: readonly number[]
  /** Pairs of a round alone and a round beside, in turn. */
  readonly rounds: number
  readonly aloneSeconds: number
  readonly besideSeconds: number
}

/** Long enough for the first calls to time out and a breaker to open, with some seconds on either side. */
export const WHOLE: Plan = { rates: [20, 40, 200, 500], rounds: 3, aloneSeconds: 5, besideSeconds: 6 }
export const SMOKE: Plan = { rates: [20], rounds: 1, aloneSeconds: 1, besideSeconds: 1 }
export const SHORT: Plan = { rates: [40, 500], rounds: 1, aloneSeconds: 3, besideSeconds: 6 }

const GOOD_PER_SECOND = 100
const WARM_UP_SECONDS = 3

interface Scenario {
  readonly dependency: Dependency
  readonly host: 'shared' | 'own'
  readonly call: CallName
  readonly env?: Record<string, string>
  /** The tenant in trouble needs this much to be known before its dependency hangs; without it, the first call hangs. */
  readonly known?: 'all' | 'config'
}

/** What is kept for minutes is read again each second here, so that the good tenants ask the dependency too. */
const scenarios: readonly Scenario[] = [
  { dependency: 'backend', host: 'shared', call: 'verify', known: 'all' },
  { dependency: 'backend', host: 'own', call: 'verify', known: 'all' },
  { dependency: 'cognito', host: 'shared', call: 'preLogin', known: 'all' },
  { dependency: 'sts', host: 'shared', call: 'preLogin', known: 'config' },
  {
    dependency: 'table',
    host: 'shared',
    call: 'define',
    env: { TENANT_TTL_SECONDS: '1', TENANT_STALE_SECONDS: '1' },
  },
  { dependency: 'ssm', host: 'shared', call: 'verify', env: { SECRET_TTL_SECONDS: '1' }, known: 'config' },
]

/** Another tenant's answers, alone and beside one whose dependency hangs, for every dependency and rate. */
export async function neighbours(plan: Plan, only: readonly string[], onCell: (cell: Cell) => void): Promise<Cell[]> {
  const callerSecret = newCallerSecret()
  const env = { PATH: process.env.PATH, ...NO_SDK_NOTICE }
  const child = fork('dist/bench-stand-ins.mjs', [callerSecret], { env })
  const sender = fork('dist/bench-sender.mjs', [callerSecret], { env })
  const [world] = (await once(child, 'message')) as [World]
  const cells: Cell[] = []
  for (const scenario of scenarios) {
    if (only.length > 0 && !only.includes(scenario.dependency)) continue
    await measure(scenario, plan, { world, child, sender, callerSecret }, (cell) => {
      cells.push(cell)
      onCell(cell)
    })
  }
  child.disconnect()
  sender.disconnect()
  return cells
}

/** The processes beside this one: the world that the gateway speaks to, and the tenant in trouble. */
interface Others {
  readonly world: World
  readonly child: ChildProcess
  readonly sender: ChildProcess
  readonly callerSecret: string
}

async function order(child: ChildProcess, what: Order | Sending): Promise<unknown> {
  child.send(what)
  const [done] = await once(child, 'message')
  return done
}

async function measure(
  { dependency, host, call, env = {}, known }: Scenario,
  { rates, rounds, aloneSeconds, besideSeconds }: Plan,
  { world, child, sender, callerSecret }: Others,
  onCell: (cell: Cell) => void,
): Promise<void> {
  const bad = world.bad[host]
  const server = await startServer('dist/server.mjs', { ...world.env, ...env, HOST: '127.0.0.1' })
  const mine = new Pool(server.url, { connections: null })
  const request = requestsBy(callerSecret)[call]
  const usage = watchProcess(server.pid)
  const sign = async (tenants: readonly Member[]) =>
    (await order(child, { kind: 'sign', tenants: tenants.map(({ tenantId }) => tenantId) })) as string[]
  const goodOf = (index: number) => world.good[index % world.good.length] as Member

  /** Requests of the good tenants, in rotation. */
  async function goodCalls(seconds: number): Promise<(index: number) => Try> {
    const tenants = Array.from({ length: Math.round(seconds * GOOD_PER_SECOND) }, (_, index) => goodOf(index))
    const proofs = call === 'verify' ? await sign(tenants) : []
    return (index) => request(goodOf(index), proofs[index] ?? '')
  }
  /** The bad tenant's calls, sent and answered. */
  async function badCalls(perSecond: number, seconds: number, its: CallName = call): Promise<Taken> {
    const [proof = ''] = its === 'verify' ? await sign([bad]) : []
    return (await order(sender, { url: server.url, call: its, member: bad, proof, perSecond, seconds })) as Taken
  }

  /** Sends the good tenants' calls; and beside them, at this rate, those of the bad one, which are waited for. */
  async function round(
    seconds: number,
    badPerSecond?: number,
  ): Promise<{ good: Taken; bad: Taken; most: Seen['most'] }> {
    const calls = await goodCalls(seconds)
    const most = usage.most()
    const beside = badPerSecond === undefined ? undefined : badCalls(badPerSecond, seconds)
    const { taken, ended } = await sendAtRate(mine, GOOD_PER_SECOND, seconds, calls)
    await ended
    const used = most()
    return { good: taken, bad: (await beside) ?? { ms: [], failures: 0 }, most: used }
  }
  async function untilRight(its: CallName): Promise<void> {
    while ((await badCalls(1_000, 0.001, its)).failures > 0) await setTimeout(200)
  }

  await order(child, { kind: 'hang', dependency: undefined })
  if (known === 'config') await untilRight('define')
  for (let warm = 0; warm < 2; warm += 1) await round(WARM_UP_SECONDS)
  for (const perSecond of rates) {
    const [alone, beside]: [Taken[], Taken[]] = [[], []]
    const own: number[] = []
    let [aloneMost, besideMost]: [Seen['most'], Seen['most']] = [NOTHING, NOTHING]
    for (let pair = 0; pair < rounds; pair += 1) {
      // A dependency that answers closes the breaker of the round before; what must stay unknown has none.
      if (known === 'all') await order(child, { kind: 'hang', dependency: undefined })
      if (known === 'all') await untilRight(call)
      await order(child, { kind: 'hang', dependency })
      const without = await round(aloneSeconds)
      const withBad = await round(besideSeconds, perSecond)
      alone.push(without.good)
      beside.push(withBad.good)
      own.push(...withBad.bad.ms)
      aloneMost = maxOf(aloneMost, without.most)
      besideMost = maxOf(besideMost, withBad.most)
    }
    onCell({
      ...{ dependency, host, perSecond },
      alone: seen(alone, aloneMost),
      beside: seen(beside, besideMost),
      theirs: { p50: percentile(own, 0.5), p99: percentile(own, 0.99) },
    })
  }
  await mine.destroy()
  await server.stop()
}

const NOTHING = { rssMb: 0, sockets: 0, cpu: 0 }
const maxOf = (one: Seen['most'], other: Seen['most']) => ({
  rssMb: Math.max(one.rssMb, other.rssMb),
  sockets: Math.max(one.sockets, other.sockets),
  cpu: Math.max(one.cpu, other.cpu),
})

function seen(rounds: readonly Taken[], most: Seen['most']): Seen {
  const ms = rounds.flatMap((round) => round.ms)
  const failures = rounds.reduce((sum, round) => sum + round.failures, 0)
  return { answers: ms.length, p50: percentile(ms, 0.5), p99: percentile(ms, 0.99), failures, most }
}
