import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { startStack } from '../../../src/local/stack.js'
import { hostedArn, putTenantRecord, setUpTenant, toLocal } from '../../../src/local/world/tenants.js'
import { defineEvent, verifyEvent } from '../../fixtures/events.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { median, medianRatio, type Row, times } from '../report.js'

const run = promisify(execFile)
const ROUNDS = times(15)
/** The Node that is measured; what V8 compiled has to be made by the same one (`npm run build:lambda`). */
const NODE = process.env.BENCH_NODE ?? process.execPath

/** Milliseconds from process start that a script reports; it prints them last. */
async function msOf(script: string, env: Record<string, string>): Promise<number> {
  const { stderr } = await run(NODE, [resolve('test/bench/cold', script)], { env })
  return Number(stderr.trim().split('\n').at(-1))
}

/**
 * From process start to the answer of the first Define and of the first verify, against the verify function that customers
 * deploy without the gateway; the three in turn, each against the same stand-ins.
 */
export async function coldStart(): Promise<Row[]> {
  const stack = await startStack()
  try {
    const tenant = tenantFile()
    setUpTenant(stack, tenant, { apiSecret: 'corbado1_bench', clients: [] })
    await putTenantRecord(stack, toLocal(tenant, stack), tenant.userPoolId)
    const { PSEUDONYM_KEY_PARAMETER: _off, ...gatewayEnv } = stack.gatewayEnv
    const env = {
      ...gatewayEnv,
      PATH: process.env.PATH ?? '',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      BENCH_PARAMETER: tenant.corbado.credentialParameter,
      BENCH_CORBADO: stack.corbado.url,
      BENCH_BUNDLE: resolve('dist/lambda/index.mjs'),
      BENCH_ARN: hostedArn(tenant.alias),
    }
    const proof = async () => {
      const user = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
      return JSON.stringify(verifyEvent(await stack.corbado.sign(tenant.corbado.projectId, user)))
    }
    const ms: Record<'define' | 'verify' | 'sample', number[]> = { define: [], verify: [], sample: [] }
    for (let round = 0; round <= ROUNDS; round += 1) {
      const took = {
        sample: await msOf('sample.mjs', { ...env, BENCH_PROOF: await proof() }),
        define: await msOf('ours.mjs', { ...env, BENCH_EVENT: JSON.stringify(defineEvent([])) }),
        verify: await msOf('ours.mjs', { ...env, BENCH_EVENT: await proof() }),
      }
      // The first round warms the disk cache for all.
      if (round > 0) for (const name of ['sample', 'define', 'verify'] as const) ms[name].push(took[name])
    }
    const compiled = readdirSync('dist/lambda').some((name) => name.endsWith('.bin'))
    const row = (name: 'define' | 'verify', most: number) => ({
      name: `first ${name} answer after process start${compiled ? '' : ', nothing compiled'}`,
      unit: 'ms',
      ours: median(ms[name]),
      reference: median(ms.sample),
      referenceName: "the published sample's verify function",
      ratio: medianRatio(ms[name], ms.sample),
      most,
    })
    return [row('define', 0.8), row('verify', 1)]
  } finally {
    await stack.stop()
  }
}
