import { pause, systemClock } from '../../../src/call.js'
import { fieldsOf } from '../../../src/fields.js'
import { makeKeyPair } from '../../../src/local/aws/key-pairs.js'
import type { RecordedCall, StandIn } from '../../../src/local/aws/server.js'
import { startCorbado } from '../../../src/local/corbado/index.js'
import { startStack } from '../../../src/local/stack.js'
import { putTenantRecord, setUpTenant, toLocal } from '../../../src/local/world/tenants.js'
import type { TenantFile } from '../../../src/tenant/config.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { CALLERS, DEPENDENCIES, type Dependency, type Member, type Order, USER, type World } from './world.js'

// The world of the neighbours measurement, in a process of its own: it takes orders from the one that measures.

const GOOD = 50
/** What every answer takes at least: a dependency is on a network. */
const ANSWER_MS = 20
const HANGING_ACCOUNTS = ['300000000001', '300000000002']

async function main(callerSecret: string): Promise<void> {
  // Proofs are not what is measured: one pair for all spares 52.
  const pair = makeKeyPair()
  const stack = await startStack({ makeKeyPair: () => pair })
  const ownHost = await startCorbado({ clock: systemClock, makeKeyPair: () => pair })
  stack.ssm.put(CALLERS, callerSecret)

  const files = new Map<string, TenantFile>()
  async function add(number: number, accountId: string, own = false): Promise<Member> {
    const bad = HANGING_ACCOUNTS.includes(accountId)
    const file = tenantFile({
      tenantId: `${bad ? 'bad' : 'good'}-${number}`,
      userPoolId: `eu-central-1_N${String(number).padStart(8, '0')}`,
      alias: `t-${number}`,
      aws: { accountId },
      corbado: { projectId: `pro-${7_000 + number}` },
      // More than is sent: what is measured is the bulkhead and the breaker.
      limits: { verifyPerSecond: 1_000 },
    })
    const apiSecret = `corbado1_${number}`
    setUpTenant(stack, file, { apiSecret, clients: [] })
    ownHost.putProject({ projectId: file.corbado.projectId, apiSecret })
    stack.cognito.putUser(file.userPoolId, { username: USER })
    const local = toLocal(file, stack)
    const record = own ? { ...local, corbado: { ...local.corbado, backendApiUrl: ownHost.url } } : local
    await putTenantRecord(stack, record, file.userPoolId)
    files.set(file.tenantId, file)
    return { userPoolId: file.userPoolId, tenantId: file.tenantId }
  }
  const [sharedAccount = '', ownAccount = ''] = HANGING_ACCOUNTS
  const bad = { shared: await add(1, sharedAccount), own: await add(2, ownAccount, true) }
  const good: Member[] = []
  for (let number = 0; number < GOOD; number += 1) good.push(await add(100 + number, String(310_000_000_000 + number)))

  const isBad: Record<Dependency, (call: RecordedCall) => boolean> = {
    backend: ({ principal }) => principal === 'pro-7001' || principal === 'pro-7002',
    cognito: ({ principal }) => HANGING_ACCOUNTS.some((account) => principal?.includes(account)),
    sts: ({ input }) => HANGING_ACCOUNTS.some((account) => JSON.stringify(input).includes(account)),
    table: ({ input }) => /_N0000000[12]$/.test(String(fieldsOf(fieldsOf(fieldsOf(input).Key).userPoolId).S)),
    ssm: ({ input }) => /_N0000000[12]\//.test(String(fieldsOf(input).Name)),
  }
  const standIns: Record<Dependency, readonly StandIn[]> = {
    backend: [stack.corbado, ownHost],
    cognito: [stack.cognito],
    sts: [stack.sts],
    table: [stack.table],
    ssm: [stack.ssm],
  }
  async function hang(dependency: Dependency | undefined): Promise<void> {
    for (const name of DEPENDENCIES) {
      const never = new Promise<never>(() => undefined)
      const until = (call: RecordedCall) =>
        name === dependency && isBad[name](call) ? never : pause(ANSWER_MS, systemClock)
      for (const standIn of standIns[name]) await standIn.setFault({ kind: 'held', until })
    }
  }
  await hang(undefined)

  async function obey(order: Order): Promise<unknown> {
    if (order.kind === 'hang') return hang(order.dependency)
    return Promise.all(
      order.tenants.map((tenantId) => stack.corbado.sign(files.get(tenantId)?.corbado.projectId ?? '', USER)),
    )
  }
  process.on('message', (order: Order) => void obey(order).then((done) => process.send?.(done ?? null)))
  const { PSEUDONYM_KEY_PARAMETER: _off, ...env } = stack.gatewayEnv
  const world: World = { env: { ...env, CALLER_SECRETS_PARAMETER: CALLERS }, good, bad }
  process.send?.(world)
}

process.once('disconnect', () => process.exit())
await main(process.argv[2] ?? '')
