import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import t from 'tap'
import { tenantYaml } from '../operator/fixtures/cli.js'
import { startOperator } from '../operator/fixtures/operator.js'

const TENANTS = 10_000
/** About three times what a quiet machine needs. */
const APPLY_MS = 60_000

t.setTimeout(300_000)
const { stack, run } = await startOperator(t)
const dir = join(t.testdir({}), 'tenants')
const idOf = (ordinal: number) => `tenant-${String(ordinal).padStart(5, '0')}`
const fileOf = (tenantId: string) => tenantYaml(tenantId).replace('status: active', 'status: draft')
mkdirSync(dir)
for (let ordinal = 0; ordinal < TENANTS; ordinal++) {
  writeFileSync(join(dir, `${idOf(ordinal)}.yaml`), fileOf(idOf(ordinal)))
}

const puts = () => stack.table.calls.filter(({ operation }) => operation === 'PutItem').length
const writes = () => stack.table.calls.filter(({ operation }) => !/^(Scan|GetItem|Query)$/.test(operation)).length

/**
 * Applies the folder. Command and stand-in are one process that waits for nobody else, so where a busy machine lets it wait
 * the time of its processor tells how long it would have taken.
 */
async function apply() {
  const startedAt = performance.now()
  const usedBefore = process.cpuUsage()
  // The files name Corbado's own hosts.
  const ran = await run(`tenants apply ${dir} --yes`, { env: { BACKEND_API_HOSTS: undefined } })
  const elapsedMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(usedBefore)
  const ms = Math.round(Math.min(elapsedMs, (user + system) / 1_000))
  t.comment(`${ms} ms of work, ${Math.round(elapsedMs)} ms on the clock`)
  return { ...ran, ms }
}

t.test('10,000 new tenants are applied within a minute, each written once', async (t) => {
  const { code, stdout, stderr, ms } = await apply()
  t.equal(code, 0)
  t.ok(ms < APPLY_MS, `${ms} ms`)
  t.equal(puts(), TENANTS)
  t.equal(writes(), TENANTS)
  const added = stdout.split('\n').filter((line) => line.startsWith('+ '))
  t.equal(added.length, TENANTS)
  t.equal(added[0], `+ ${idOf(0)} (eu-central-1_tenant00000)`)
  t.ok(stdout.endsWith(`\n0 untouched\n${TENANTS} added, 0 changed, 0 untouched\n`), stdout.slice(-200))
  t.ok(stderr.endsWith(`\n${TENANTS} of ${TENANTS} written\n`), stderr.slice(-200))
})

t.test('a second apply of the same files writes nothing', async (t) => {
  const before = { puts: puts(), writes: writes() }
  const { code, stdout, stderr } = await apply()
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.equal(stdout, `${TENANTS} untouched\n0 added, 0 changed, ${TENANTS} untouched\n`)
  t.same({ puts: puts(), writes: writes() }, before)
})

t.test('of 10,000 files, one that changed is the only one written', async (t) => {
  const changed = idOf(TENANTS / 2)
  writeFileSync(join(dir, `${changed}.yaml`), fileOf(changed).replace('displayName: Acme', 'displayName: Acme 2'))
  const before = stack.table.calls.length
  const { code, stdout } = await apply()
  t.equal(code, 0)
  t.match(stdout, `~ ${changed} (`)
  t.ok(stdout.endsWith(`\n0 added, 1 changed, ${TENANTS - 1} untouched\n`), stdout.slice(-200))
  const written = stack.table.calls.slice(before).filter(({ operation }) => operation === 'PutItem')
  t.equal(written.length, 2, 'the old version, kept, and the new one')
})
