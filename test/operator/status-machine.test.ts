import t from 'tap'
import { planTenants } from '../../src/commands/tenants/plan.js'
import type { UserPoolId } from '../../src/ids.js'
import {
  leadsFrom,
  nextStatus,
  placeOfRecord,
  STATUS_ROWS,
  type Status,
  statusBefore,
  statusOf,
  waysTo,
} from '../../src/operator/records/status-machine.js'
import type { TenantRecord } from '../../src/upstreams/operator.js'
import { table } from '../fixtures/pages.js'
import { tenantFile } from '../fixtures/tenants.js'

const STATUSES: readonly Status[] = ['draft', 'active', 'passkeys-off', 'suspended']
const file = tenantFile()
const userPoolId = file.userPoolId as UserPoolId

/** The table of one pool: its current record, and the kept ones as the table lists them. */
interface Pool {
  readonly current: TenantRecord | undefined
  readonly kept: readonly TenantRecord[]
}

const recordOf = (version: number, status: Status): TenantRecord => {
  const config = { ...file, status }
  return { userPoolId, record: 'config', version, updatedAt: '', updatedBy: '', config }
}

/** As the commands write: the old record is kept, the new one counts on. */
function written({ current, kept }: Pool, status: Status): Pool {
  const newest = current ?? kept.at(-1)
  const old = current ? [{ ...current, record: `v${current.version}` }] : []
  return { current: recordOf((newest?.version ?? 0) + 1, status), kept: [...kept, ...old] }
}

function removed({ current, kept }: Pool): Pool {
  if (!current) return { current, kept }
  const { version } = current
  const marks = [`v${version}`, `v${version}-removed`].map((record) => ({ ...current, record }))
  return { current: undefined, kept: [...kept, ...marks] }
}

/** All that the next command can see of a pool: the statuses of its versions, and where it was taken out. */
const keyOf = ({ current, kept }: Pool) =>
  [...kept, ...(current ? [current] : [])]
    .map((one) => (one.record.endsWith('-removed') ? 'removed' : statusOf(one)))
    .join() + String(current !== undefined)

/** One command of an operator on the pool; `live` if it is the only one that may bring a draft live. */
interface Act {
  readonly name: string
  readonly live?: true
  act(pool: Pool): Pool
}

const wasOf = ({ current, kept }: Pool) =>
  current && placeOfRecord(current, 'active') === 'suspended' ? statusBefore(current, kept) : undefined

const verb = (name: 'activate' | 'pause' | 'resume' | 'suspend', green: boolean): Act => ({
  name: name === 'activate' ? `${name} (${green ? 'green' : 'red'})` : name,
  ...(name === 'activate' && green && { live: true }),
  act(pool) {
    const before = wasOf(pool)
    const place = placeOfRecord(pool.current, before)
    const next = nextStatus({ command: name, place, green, ...(before && { before }) })
    return pool.current && next ? written(pool, next) : pool
  },
})

/** Through the plan that the command itself makes. */
const apply = (command: 'apply' | 'apply --status', status: Status): Act => ({
  name: `${command} (${status})`,
  act(pool) {
    const was = wasOf(pool)
    const entries = [
      { tenant: { ...file, status }, issueAt: () => ({ file: '', line: 1, column: 1, field: '', message: '' }) },
    ]
    const before = new Map(was ? [[userPoolId as string, was]] : [])
    const { writes } = planTenants(entries, pool.current ? [pool.current] : [], {
      command,
      selfHosted: false,
      before,
      only: false,
    })
    return writes[0] ? written(pool, writes[0].tenant.status) : pool
  },
})

const rollback = (back: number): Act => ({
  name: `rollback by ${back}`,
  act(pool) {
    const target = pool.kept.filter(({ record }) => !record.endsWith('-removed')).at(-back)
    if (!pool.current || !target) return pool
    const before = wasOf(pool)
    const asked = Object(target.config).status as Status
    const place = placeOfRecord(pool.current, before)
    const next = nextStatus({ command: 'rollback', place, asked, ...(before && { before }) })
    return written(pool, next ?? (Object(pool.current.config).status as Status))
  },
})

const COMMANDS: readonly Act[] = [
  verb('activate', true),
  verb('activate', false),
  verb('pause', false),
  verb('resume', false),
  verb('suspend', false),
  ...STATUSES.map((status) => apply('apply', status)),
  ...STATUSES.map((status) => apply('apply --status', status)),
  ...[1, 2, 3, 4].map(rollback),
  { name: 'remove', act: removed },
]
/** A pool in its history, and what each of the commands makes of it. Pools with the same versions are one. */
interface Node {
  readonly pool: Pool
  readonly status: Status | 'none'
  readonly next: (Node | undefined)[]
}

const nodes = new Map<string, Node>()

function nodeOf(pool: Pool): Node {
  const key = keyOf(pool)
  const node = nodes.get(key) ?? { pool, status: pool.current ? statusOf(pool.current) : 'none', next: [] }
  nodes.set(key, node)
  return node
}

function after(node: Node, index: number): Node {
  const known = node.next[index] ?? nodeOf(COMMANDS[index]?.act(node.pool) ?? node.pool)
  node.next[index] = known
  return known
}

const nothing: Pool = { current: undefined, kept: [] }
const serves = ({ status }: Node) => status === 'active' || status === 'passkeys-off'

t.test('in all sequences of five commands, a draft goes live by activate with a green doctor alone', (t) => {
  const wrong: string[] = []
  const words: number[] = []
  const nameOf = (index: number) => COMMANDS[index]?.name
  let sequences = 0
  let wentLive = 0
  // `approved`: the doctor was green once since it was last a draft, or new.
  const go = (node: Node, approved: boolean): void => {
    if (words.length === 5) {
      sequences += 1
      return
    }
    for (const [index, { live = false }] of COMMANDS.entries()) {
      words.push(index)
      const then = after(node, index)
      if (serves(then) && !approved && !live) wrong.push(words.map(nameOf).join(', '))
      if (serves(then) && !serves(node)) wentLive += 1
      go(then, then.status !== 'draft' && then.status !== 'none' && (approved || (live && serves(then))))
      words.pop()
    }
  }
  for (const begin of [nothing, written(nothing, 'draft')]) go(nodeOf(begin), false)
  t.strictSame(wrong, [])
  t.equal(sequences, 2 * COMMANDS.length ** 5)
  t.ok(wentLive > 1_000, 'and many of them do go live')
  t.end()
})

t.test('resume goes back to what was there before, after all sequences of four commands', (t) => {
  const wrong: string[] = []
  const suspend = verb('suspend', false)
  const resume = verb('resume', false)
  const seen = new Set<Node>()
  const go = (node: Node, left: number): void => {
    if (node.pool.current && node.status !== 'suspended' && !seen.has(node)) {
      seen.add(node)
      const { status } = nodeOf(resume.act(suspend.act(node.pool)))
      if (status !== node.status) wrong.push(`${keyOf(node.pool)}, suspend, resume: became ${status}`)
    }
    if (left > 0) for (const index of COMMANDS.keys()) go(after(node, index), left - 1)
  }
  go(nodeOf(nothing), 4)
  t.strictSame(wrong, [])
  t.ok(seen.size > 30, `${seen.size} histories`)
  t.end()
})

t.test('a record whose status or past cannot be read counts as a draft', (t) => {
  const torn = { ...recordOf(2, 'active'), config: { status: 'on' } }
  t.equal(placeOfRecord(torn), 'draft')
  const suspended = recordOf(3, 'suspended')
  t.equal(statusBefore(suspended, []), 'draft')
  t.equal(statusBefore(suspended, [torn]), 'draft')
  // A write that was stopped half-way has kept the current record.
  t.equal(statusBefore(suspended, [recordOf(2, 'active'), suspended]), 'active')
  t.equal(placeOfRecord(suspended), 'suspended draft')
  t.end()
})

t.test("in one's own gateway, whose owner has no doctor, a file with --status brings the pool live", (t) => {
  const question = { command: 'apply --status', place: 'draft', asked: 'active' } as const
  t.equal(nextStatus({ ...question, selfHosted: true }), 'active')
  t.equal(nextStatus(question), undefined)
  t.end()
})

t.test('names the commands that lead from one status to another', (t) => {
  t.strictSame(waysTo('active', 'draft'), ['activate'])
  t.strictSame(waysTo('passkeys-off', 'draft'), ['activate', 'pause'])
  t.strictSame(waysTo('active', 'suspended', 'active'), ['resume'])
  t.strictSame(waysTo('active', 'suspended draft', 'draft'), ['activate'])
  t.equal(waysTo('draft', 'active'), undefined)
  t.ok(leadsFrom('pause', 'active'))
  t.notOk(leadsFrom('pause', 'draft'))
  t.end()
})

t.test('the table of statuses and commands in the docs is the one that decides', (t) => {
  t.strictSame(table('status machine'), STATUS_ROWS)
  t.end()
})
