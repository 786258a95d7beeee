import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { onCall } from '../../../src/local/accounts.js'
import type { StandIn } from '../../../src/local/aws/server.js'
import { startStack } from '../../../src/local/stack.js'
import { grantAlias, putTenantRecord, setUpTenant, toLocal } from '../../../src/local/world/tenants.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { type Row, times } from '../report.js'

const TENANTS = times(500, 3)
/** Aliases that these tenants share, as tenants of one customer may. */
const ALIASES = 20
const REACH_S = 120
/**
 * Calls a second that AWS gives what all tenants share, in our own account: STS (infra/LIMITS.md), Lambda's control plane (fact
 * A28), and GetParameter's default throughput. Each pool's quotas are its customer's.
 */
const QUOTAS = { sts: 600, ssm: 40, lambda: 15 } as const

/** The most calls in any one second. */
function mostInASecond(at: readonly number[]): number {
  let [most, from] = [0, 0]
  for (const [to, one] of at.entries()) {
    while (one - (at[from] ?? 0) >= 1_000) from += 1
    most = Math.max(most, to - from + 1)
  }
  return most
}

/** All tenants examined by the built program, in the embedded stack: the time, and what is asked of AWS in a second. */
export async function doctorAll(): Promise<Row[]> {
  const stack = await startStack()
  const client = { clientId: 'web', preventUserExistenceErrors: true, allowCustomAuth: true }
  const files = Array.from({ length: TENANTS }, (_, i) => {
    const [userPoolId, accountId] = [`eu-central-1_D${String(i).padStart(8, '0')}`, String(200_000_000_000 + i)]
    return tenantFile({
      ...{ tenantId: `tenant-${i}`, customer: `customer-${i}`, userPoolId, alias: `t-${i % ALIASES}` },
      aws: { accountId, externalId: `external-id-of-${i}` },
      corbado: { projectId: `pro-${5_000 + i}`, credentialParameter: `/corbado/gateway/${userPoolId}/backend-api` },
    })
  })
  for (const file of files) {
    setUpTenant(stack, file, { apiSecret: `corbado1_${file.tenantId}`, clients: [client], aliasAttributes: ['email'] })
    await putTenantRecord(stack, toLocal(file, stack), file.userPoolId)
  }
  const aliases = [...new Set(files.map(({ alias }) => alias))]
  stack.deploy(async () => ({}), aliases)
  for (const alias of aliases) {
    grantAlias(
      stack,
      alias,
      files.filter((file) => file.alias === alias),
    )
  }
  const asked: Record<keyof typeof QUOTAS, number[]> = { sts: [], ssm: [], lambda: [] }
  for (const [name, at] of Object.entries(asked)) {
    const standIn: StandIn = stack[name as keyof typeof QUOTAS]
    standIn.watch(() => {
      at.push(performance.now())
      return () => {}
    })
  }
  const state = mkdtempSync(join(tmpdir(), 'doctor-'))
  const env = { PATH: process.env.PATH, ...stack.envFor(onCall), XDG_STATE_HOME: state }
  const begun = performance.now()
  const child = spawn(process.execPath, ['dist/cli.mjs', 'doctor', '--all', '--json'], { env })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const seconds = (performance.now() - begun) / 1_000
  rmSync(state, { recursive: true })
  await stack.stop()
  const { tenants } = JSON.parse(stdout) as { tenants: { findings: { state: string; check: string }[] }[] }
  const bad = tenants.flatMap(({ findings }) => findings.filter(({ state }) => state !== 'passed'))
  if (tenants.length < TENANTS) throw new Error(`${tenants.length} of ${TENANTS} examined: ${stderr.slice(-500)}`)
  if (bad.length > 0) console.error(`${bad.length} findings are not well, such as ${JSON.stringify(bad[0])}`)
  return [
    {
      name: `doctor --all, ${TENANTS} tenants`,
      unit: 's',
      ours: seconds,
      reference: REACH_S,
      referenceName: 'what it may take',
      ratio: seconds / REACH_S,
      most: 1,
    },
    ...Object.entries(QUOTAS).map(([name, quota]): Row => {
      const ours = mostInASecond(asked[name as keyof typeof QUOTAS])
      const referenceName = "AWS's quota"
      return {
        name: `its calls of ${name}`,
        unit: 'in a second',
        ours,
        reference: quota,
        referenceName,
        ratio: ours / quota,
        most: 1,
      }
    }),
  ]
}
