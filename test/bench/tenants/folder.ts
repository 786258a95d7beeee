import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { parse, stringify } from 'yaml'
import { operator, TABLE_NAME } from '../../../src/local/accounts.js'
import { CONCURRENCY, eachBounded } from '../../../src/terminal/bounded.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { type Row, times } from '../report.js'
import { openWorld } from '../world.js'

const FILES = times(10_000, 50)
const RSS_MAX_MB = 200

const poolId = (i: number) => `eu-central-1_F${String(i).padStart(8, '0')}`
const fileOf = (i: number) => {
  const userPoolId = poolId(i)
  const credentialParameter = `/corbado/gateway/${userPoolId}/backend-api`
  const externalId = `external-id-of-${i}`
  return tenantFile({
    ...{ tenantId: `tenant-${i}`, userPoolId, alias: `t-${i}`, customer: `customer-${i}`, status: 'draft' },
    aws: { externalId, accountId: String(100_000_000_000 + i) },
    corbado: { credentialParameter },
  })
}

/** Runs the command line in a process of its own: what it took, and the most memory that it had. */
async function applied(dir: string, env: Record<string, string>, found: RegExp) {
  // What Node itself tells begins with what the parent had.
  const atExit =
    "import { readFileSync } from 'node:fs'; process.on('exit', () => console.error(/VmHWM.*/.exec(readFileSync('/proc/self/status', 'utf8'))?.[0]))"
  const args = [
    '--import',
    `data:text/javascript,${encodeURIComponent(atExit)}`,
    'dist/cli.mjs',
    'tenants',
    'apply',
    dir,
    '--yes',
  ]
  const begun = performance.now()
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env } })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const seconds = (performance.now() - begun) / 1_000
  const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(stderr)?.[1])
  if (!found.test(stdout)) throw new Error(`${stdout.slice(-500)}\n${stderr.slice(-500)}`)
  return { seconds, megabytes: kilobytes / 1_000 }
}

/** A folder of thousands of tenant files, applied to an empty table and again, beside its parts alone. */
export async function tenantFolder(): Promise<Row[]> {
  const world = await openWorld()
  const env = world.stack.envFor(operator)
  delete env.BACKEND_API_HOSTS
  const dir = mkdtempSync(join(tmpdir(), 'tenants-'))
  for (let i = 0; i < FILES; i += 1) writeFileSync(join(dir, `tenant-${i}.yaml`), stringify(fileOf(i)))

  Object.assign(process.env, env)
  // Each record written by itself under another key, as many at a time.
  const client = new DynamoDBClient()
  const writing = performance.now()
  await eachBounded(
    Array.from({ length: FILES }, (_, i) => i),
    async (i) => {
      const record = { userPoolId: `written-${i}`, record: 'v1', version: 1, updatedAt: '', updatedBy: 'bench' }
      const Item = marshall({ ...record, config: fileOf(i) }, { removeUndefinedValues: true })
      await client.send(new PutItemCommand({ TableName: TABLE_NAME, Item }))
      return true
    },
    CONCURRENCY,
  )
  const written = (performance.now() - writing) / 1_000
  client.destroy()
  const parsing = performance.now()
  for (let i = 0; i < FILES; i += 1) parse(readFileSync(join(dir, `tenant-${i}.yaml`), 'utf8'))
  const parsed = (performance.now() - parsing) / 1_000

  const first = await applied(dir, env, new RegExp(`\\n${FILES} added, 0 changed\\n$`))
  const again = await applied(dir, env, new RegExp(`\\n${FILES} untouched\\n0 added, 0 changed\\n$`))
  rmSync(dir, { recursive: true })
  await world.stack.stop()
  const row = (name: string, ours: number, reference: number, referenceName: string): Row => ({
    ...{ name, unit: 's', ours, reference, referenceName, ratio: ours / reference },
  })
  const memory = (name: string, ours: number): Row => ({
    ...{ name, unit: 'MB', ours, reference: RSS_MAX_MB, referenceName: 'the bound', ratio: ours / RSS_MAX_MB, most: 1 },
  })
  return [
    row(`tenants apply, ${FILES} new files`, first.seconds, written + parsed, 'files parsed, records written, no more'),
    row(`the same again`, again.seconds, parsed, 'files parsed, no more'),
    memory('most memory of the first', first.megabytes),
    memory('most memory of the second', again.megabytes),
  ]
}
