import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { startStack } from '../../src/local/stack.js'
import { hostedArn, putTenantRecord, setUpTenant, toLocal } from '../../src/local/world/tenants.js'
import { defineEvent } from '../fixtures/events.js'
import { tenantFile } from '../fixtures/tenants.js'
import { median, medianRatio, type Row } from './report.js'

const run = promisify(execFile)
const PAIRS = 15

/** Milliseconds from process start that a script reports; it prints them last. */
async function msOf(script: string, env: Record<string, string>, from: 'stdout' | 'stderr'): Promise<number> {
  const printed = await run(process.execPath, [resolve('test/bench', script)], { env })
  return Number(printed[from].trim().split('\n').at(-1))
}

/** First Define answer after process start, against a bare SDK script on the same stand-ins, in turn. */
export async function coldStart(): Promise<Row[]> {
  const stack = await startStack()
  try {
    const tenant = tenantFile()
    setUpTenant(stack, tenant, { apiSecret: 'corbado1_bench', clients: [] })
    await putTenantRecord(stack, toLocal(tenant, stack), tenant.userPoolId)
    const { PSEUDONYM_KEY_PARAMETER: _off, ...gatewayEnv } = stack.gatewayEnv
    const env = { ...gatewayEnv, PATH: process.env.PATH ?? '', BENCH_PARAMETER: tenant.corbado.credentialParameter }
    const bundle = {
      BENCH_BUNDLE: resolve('dist/lambda/index.mjs'),
      BENCH_ARN: hostedArn(tenant.alias),
      BENCH_EVENT: JSON.stringify(defineEvent([])),
    }
    const reference: number[] = []
    const ours: number[] = []
    for (let pair = 0; pair <= PAIRS; pair += 1) {
      const bare = await msOf('bare-ssm.mjs', env, 'stdout')
      const first = await msOf('first-define.mjs', { ...env, ...bundle }, 'stderr')
      // The first pair warms the disk cache for both.
      if (pair > 0) reference.push(bare)
      if (pair > 0) ours.push(first)
    }
    const row = {
      name: 'first Define answer after process start',
      unit: 'ms',
      ours: median(ours),
      reference: median(reference),
      referenceName: 'bare script: import client-ssm, one GetParameter',
      ratio: medianRatio(ours, reference),
      most: 1.5,
    }
    return [row]
  } finally {
    await stack.stop()
  }
}
