import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CONCURRENCY } from '../../src/terminal/bounded.js'
import { tenantYaml } from '../commands/fixtures/cli.js'
import { startOperator } from '../commands/fixtures/operator.js'

const TENANTS = 2_000
/** A page of a scan is one megabyte. */
const PAGES_MAX = 30

t.setTimeout(600_000)
const { stack, run } = await startOperator(t)
const dir = join(t.testdir({}), 'tenants')
const idOf = (ordinal: number) => `tenant-${String(ordinal).padStart(5, '0')}`
const fileOf = (tenantId: string) => tenantYaml(tenantId).replace('status: active', 'status: draft')
mkdirSync(dir)
for (let ordinal = 0; ordinal < TENANTS; ordinal++) {
  writeFileSync(join(dir, `${idOf(ordinal)}.yaml`), fileOf(idOf(ordinal)))
}

const tally = (names: readonly string[]) =>
  Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length]))

/** Applies the folder: what was printed, and what was asked of the table. */
async function apply() {
  const before = stack.table.calls.length
  // The files name Corbado's own hosts.
  const ran = await run(`tenants apply ${dir} --yes`, { env: { BACKEND_API_HOSTS: undefined } })
  const calls = stack.table.calls.slice(before)
  const { Scan: scans = 0, ...others } = tally(calls.map(({ operation }) => operation))
  const connections = new Set(calls.filter(({ operation }) => operation !== 'Scan').map(({ connection }) => connection))
  return { ...ran, scans, others, connections: connections.size }
}

t.test(
  'thousands of new tenants are written once each, some at a time, and nothing is read of them one by one',
  async (t) => {
    const { code, stdout, stderr, scans, others, connections } = await apply()
    t.equal(code, 0)
    t.equal(scans, 1, 'an empty table has one page')
    t.strictSame(
      others,
      { PutItem: TENANTS, Query: 2 * TENANTS },
      'one write each, after a look for kept versions by plan and write',
    )
    t.equal(connections, CONCURRENCY, 'one after the other would take minutes from afar')
    const added = stdout.split('\n').filter((line) => line.startsWith('+ '))
    t.equal(added.length, TENANTS)
    t.equal(added[0], `+ ${idOf(0)} (eu-central-1_tenant00000)`)
    t.ok(stdout.endsWith(`\n0 untouched\n${TENANTS} added, 0 changed\n`), stdout.slice(-200))
    t.ok(stderr.endsWith(`\n${TENANTS} of ${TENANTS} written\n`), stderr.slice(-200))
  },
)

t.test('a second apply of the same files reads page by page and writes nothing', async (t) => {
  const { code, stdout, stderr, scans, others } = await apply()
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.ok(stdout.endsWith(`\n${TENANTS} untouched\n0 added, 0 changed\n`), stdout.slice(-200))
  t.ok(scans <= PAGES_MAX, `${scans} pages`)
  t.strictSame(others, {})
})

t.test('of thousands of files, one that changed is the only one written', async (t) => {
  const changed = idOf(TENANTS / 2)
  writeFileSync(join(dir, `${changed}.yaml`), fileOf(changed).replace('displayName: Acme', 'displayName: Acme 2'))
  const { code, stdout, scans, others } = await apply()
  t.equal(code, 0)
  t.match(stdout, `~ ${changed} (`)
  t.ok(stdout.endsWith(`\n0 added, 1 changed\n`), stdout.slice(-200))
  t.ok(scans <= PAGES_MAX, `${scans} pages`)
  t.strictSame(others, { PutItem: 2 }, 'a first version has no past to look at; it is kept, and the new one written')
})
