import { mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { stringify } from 'yaml'
import { operator as operatorPrincipal, TABLE_NAME } from '../../src/local/accounts.js'
import { tenantFile } from '../fixtures/tenants.js'
import { cli } from './fixtures/cli.js'
import { createPausingClock } from './fixtures/clock.js'
import { startDoctor } from './fixtures/doctor.js'

const { stack, run, healthy, heal } = await startDoctor(t)
process.chdir(t.testdir({}))
mkdirSync('tenants')

const PLACE = `table ${TABLE_NAME} in eu-central-1 of account 999900000001\n  as ${operatorPrincipal.arn}\n`

t.test('everything that is missing is named at once, by every command', async (t) => {
  for (const [line, missing] of [
    ['tenants list', ['TENANT_TABLE', 'AWS_REGION']],
    ['aliases list', ['TENANT_TABLE', 'AWS_REGION', 'GATEWAY_FUNCTION_ARN']],
    ['doctor acme', ['TENANT_TABLE', 'AWS_REGION', 'GATEWAY_FUNCTION_ARN']],
    ['tenants activate acme', ['TENANT_TABLE', 'AWS_REGION', 'GATEWAY_FUNCTION_ARN', 'DOCTOR_ROLE_ARN']],
    [
      'onboard',
      [
        'TENANT_TABLE',
        'AWS_REGION',
        'GATEWAY_FUNCTION_ARN',
        'GATEWAY_ROLE_ARN',
        'DOCTOR_ROLE_ARN',
        'CUSTOMER_TEMPLATE_URL',
      ],
    ],
  ] as const) {
    const { code, stderr } = await cli(line.split(' '), {})
    t.equal(code, 2, line)
    t.strictSame(
      [...stderr.matchAll(/([A-Z_]+) is not set/g)].map(([, name]) => name),
      missing,
      line,
    )
    t.equal(stderr.split('\n').length, 2, 'one line')
  }
})

t.test('a file that was written and not applied is named, by the id of the tenant or of its pool', async (t) => {
  const waiting = tenantFile({ tenantId: 'northwind', customer: 'northwind', userPoolId: 'eu-central-1_N0rthw1nd' })
  writeFileSync('tenants/northwind.yaml', stringify(waiting))
  writeFileSync('tenants/broken.yaml', 'a: [')
  t.teardown(() => writeFileSync('tenants/broken.yaml', stringify(waiting)))
  const said = 'error: tenants/northwind.yaml is not in the table yet: corbado-gateway tenants apply\n'
  for (const word of ['northwind', 'eu-central-1_N0rthw1nd']) {
    for (const line of ['doctor', 'tenants show', 'tenants pause', 'tenants history', 'aliases grant']) {
      t.match(await run(`${line} ${word}`), { code: 1, stderr: said }, `${line} ${word}`)
    }
  }
  t.match(await run('tenants show ../northwind'), { code: 1, stderr: 'no tenant, pool or customer in the table' })
  t.match(await run('secret set broken', { stdin: 'x' }), {
    code: 1,
    stderr: 'error: tenants/broken.yaml is no valid tenant file: corbado-gateway tenants validate tenants\n',
  })
})

t.test(
  'a role that was made seconds ago is tried for a while; then it is said that a new one takes a minute',
  async (t) => {
    const draft = heal({ ...healthy, status: 'draft' })
    writeFileSync('tenants/broken.yaml', stringify({ ...draft }))
    t.match(await run('tenants apply tenants --only acme --yes'), { code: 1 }, 'a file is named as its tenant')
    writeFileSync('tenants/acme.yaml', stringify(draft))
    t.match(await run('tenants apply tenants --only acme --yes'), { code: 0 })
    const roleArn = draft.aws.roleArn ?? ''
    stack.sts.deleteRole(roleArn)
    const clock = createPausingClock()
    const never = await run('doctor acme', { clock })
    t.match(never, { code: 1, stdout: /✗ role-assumable .*\n +customer: create .*; a new role takes up to a minute\n/ })
    t.strictSame(clock.pauses, [1_000, 1_000, 1_000])
    let pauses = 0
    const meanwhile = createPausingClock(() => {
      pauses += 1
      if (pauses === 2) heal(draft)
    })
    t.match(await run('doctor acme', { clock: meanwhile }), { stdout: /✓ role-assumable / }, 'it came meanwhile')
    t.equal(pauses, 2)
  },
)

t.test('what is shown before something stops is headed by table, region, account and role', async (t) => {
  for (const line of [
    'tenants suspend acme',
    'tenants remove acme --unchecked',
    'aliases revoke acme',
    'aliases grant acme',
  ]) {
    t.ok((await run(line)).stdout.startsWith(PLACE), line)
  }
  t.ok((await run(`aliases clean ${healthy.alias}`)).stdout.startsWith(PLACE))
  await run('tenants suspend acme --yes')
  const rollback = await run('tenants rollback acme')
  t.match(rollback.stdout, /^to go back to: version 1 by \S+ of .*\ntable /, 'what will be, not what was done')
  t.match(rollback, { code: 1, stdout: 'Nothing was written.' })
  t.match(await run('tenants history acme'), { stdout: '~ status: "draft" -> "suspended"' })
})
