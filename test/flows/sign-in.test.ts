import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { APPS_VARIABLE } from '../../src/local/clients/apps.js'
import { toLocal } from '../../src/local/world/tenants.js'
import { cli } from '../commands/fixtures/cli.js'
import { CLIENT_ID, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

/* `local sign-in` ticks what came about, and stops where an app would. */

const gateway = await startGateway(t)
const { stack } = gateway
const file = toLocal(tenantFile(), stack)
const { userPoolId } = file
await gateway.addTenant(file, { apiSecret: 'corbado1_right' })
const person = { username: 'ada', password: 'Passw0rd-of-ada' }
stack.cognito.putUser(userPoolId, {
  ...person,
  attributes: { email: 'ada@acme.example', phone_number: '+493023125017' },
})
stack.corbado.onAction((payload) => gateway.action(payload) as Promise<object>)

const app = {
  userPoolId,
  clientId: CLIENT_ID,
  projectId: file.corbado.projectId,
  users: ['ada', 'nobody'].map((identifier) => ({ identifier, password: person.password })),
}
const apps = join(t.testdir({}), 'apps.json')
writeFileSync(apps, JSON.stringify({ cognito: stack.cognito.url, corbado: stack.corbado.url, apps: [app] }))
const signIn = (...words: string[]) =>
  cli(['local', 'sign-in', userPoolId, ...words], { env: { [APPS_VARIABLE]: apps } })

t.test('a refused pre-login ends it, as in an app: Cognito is asked nothing', async (t) => {
  const before = stack.cognito.triggerCalls.length
  const { code, stdout } = await signIn('--user', 'nobody')
  t.equal(code, 1)
  t.equal(stdout, `nobody signs in at ${userPoolId}\n  ✗ pre-login  refused: 200 user_not_found\n`)
  t.equal(stack.cognito.triggerCalls.length, before)
})

t.test('an answer that was not accepted is no tick', async (t) => {
  const { projectId } = file.corbado
  stack.corbado.rotateSecret(projectId, 'corbado1_another')
  const { code, stdout } = await signIn('--user', 'ada')
  t.equal(code, 1)
  t.match(stdout, /✓ passkey .*\n {2}✗ answer with it {2}refused: .*\n$/)
  stack.corbado.rotateSecret(projectId, 'corbado1_right')
})

t.test('with --append only a factor that was set is ticked; else it is said what the user has', async (t) => {
  t.same(stack.cognito.user(userPoolId, 'ada')?.mfa ?? [], [])
  const { code, stdout } = await signIn('--user', 'ada', '--append')
  t.equal(code, 0)
  t.match(
    stdout,
    /✓ answer with it {2}signed in: tokens of ada\n {2}✓ post-append .*a passkey was added, and the factor SMS_MFA set\n$/,
  )
  t.same(stack.cognito.user(userPoolId, 'ada')?.mfa, ['SMS_MFA'])
  const again = await signIn('--user', 'ada', '--append')
  t.equal(again.code, 0)
  t.match(again.stdout, /\n {2}– post-append .*a passkey was added, and no factor set: the user had SMS_MFA before\n$/)
  const json = JSON.parse((await signIn('--user', 'ada', '--append', '--json')).stdout)
  t.match(json.steps.at(-1), { step: 'post-append', ok: true, unchanged: true })

  // Without a phone number the factor is not possible.
  stack.cognito.putUser(userPoolId, { ...person, attributes: { email: 'ada@acme.example' } })
  const { stdout: without } = await signIn('--user', 'ada', '--append')
  t.match(
    without,
    /\n {2}– post-append .*no factor set: the tenant sets none, or this user cannot have it; the gateway's line/,
  )
})
