import { readFileSync } from 'node:fs'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { CALLER_SECRETS_PARAMETER } from '../../src/local/accounts.js'
import { putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { startContainer } from '../fixtures/container.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { startProcess } from '../fixtures/network/process.js'
import { startRelay } from '../fixtures/network/relay.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const gateway = await startGateway(t)
const { stack } = gateway
await startContainer(t, gateway)
const relays = {
  table: await startRelay(t, stack.table),
  ssm: await startRelay(t, stack.ssm),
  sts: await startRelay(t, stack.sts),
  cognito: await startRelay(t, stack.cognito),
  corbado: await startRelay(t, stack.corbado),
}

async function addTenant(n: number): Promise<TenantFile> {
  const file = tenantFile({ tenantId: `t-${n}`, userPoolId: `eu-central-1_Frozen${n}`, alias: `t-${n}` })
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  stack.cognito.putUser(file.userPoolId, { username: USER })
  const local = toLocal(file, stack)
  const there = { ...local, corbado: { ...local.corbado, backendApiUrl: relays.corbado.url } }
  await putTenantRecord(stack, there, file.userPoolId)
  return file
}

/** Does the kernel have the process stand still? */
function isStopped(pid: number): boolean {
  return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

t.test(
  'after a process was frozen and the network has forgotten its connections, every next call is answered',
  async (t) => {
    const { pid, post } = await startProcess(t, {
      ...process.env,
      CALLER_SECRETS_PARAMETER,
      AWS_ENDPOINT_URL_DYNAMODB: relays.table.url,
      AWS_ENDPOINT_URL_SSM: relays.ssm.url,
      AWS_ENDPOINT_URL_STS: relays.sts.url,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: relays.cognito.url,
    })
    const define = ({ userPoolId }: TenantFile) =>
      post(userPoolId, 'triggers/define-auth-challenge', () => defineEvent([], {}, { userPoolId }))
    const preLogin = ({ userPoolId }: TenantFile) =>
      post(userPoolId, 'actions/pre-login', () => ({ action: 'pre-login', userPoolId, identifier: USER }))
    const verify = ({ userPoolId, corbado }: TenantFile) =>
      post(userPoolId, 'triggers/verify-auth-challenge-response', async () =>
        verifyEvent(await stack.corbado.sign(corbado.projectId, USER), {}, { userPoolId }),
      )
    const files = await Promise.all(Array.from({ length: 12 }, (_, n) => addTenant(n)))
    const [before, after] = [files.slice(0, 6), files.slice(6)]
    for (const file of before) {
      await define(file)
      await preLogin(file)
      await verify(file)
    }

    process.kill(pid, 'SIGSTOP')
    while (!isStopped(pid)) await setImmediate()
    for (const relay of Object.values(relays)) {
      t.ok(relay.open > 0)
      relay.forget()
    }
    // After less, a proof may meet a dead connection; then it may have been sent, and is answered with a no.
    await sleep(2_100)
    process.kill(pid, 'SIGCONT')

    t.match(await verify(before[0] ?? tenantFile()), { response: { answerCorrect: true } })
    for (const file of after) {
      t.match(await define(file), { response: { challengeName: 'CUSTOM_CHALLENGE' } })
      t.match(await preLogin(file), { identifier: USER })
      t.match(await verify(file), { response: { answerCorrect: true } })
    }
  },
)
