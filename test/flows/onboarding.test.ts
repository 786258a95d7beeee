import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CognitoIdentityProviderClient, DescribeUserPoolCommand } from '@aws-sdk/client-cognito-identity-provider'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { readApps } from '../../src/local/clients/apps.js'
import { startLogin } from '../../src/local/clients/login.js'
import { type SignIn, signIn } from '../../src/local/clients/sign-in.js'
import { NEWCOMER } from '../../src/local/world/newcomer.js'
import { parseWalk, type WalkCommand, walkText, withoutChance, withWalk } from '../fixtures/walk.js'
import { type Ran, startNewcomerWorld, type Variables } from './fixtures/newcomer-world.js'

/** `npm run walk` sets it: then the page is written, not compared. */
const update = process.env.WALK_UPDATE === '1'
const PAGE = 'tenants/ONBOARDING.md'
const page = readFileSync(PAGE, 'utf8')
const steps = parseWalk(page)
const { userPoolId, region } = NEWCOMER

const clientOptions = (endpoint: string | undefined, env: Variables) => ({
  region,
  endpoint: endpoint ?? '',
  credentials: {
    accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: env.AWS_SESSION_TOKEN ?? '',
  },
})

/** The gateway serves with the config that it has for a second (src/local/world/world.ts). */
const untilFollowed = () => sleep(1_100)

const { workspace, operator, customer, shell, runHere } = await startNewcomerWorld(t)
const cognito = new CognitoIdentityProviderClient(
  clientOptions(customer.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER, customer),
)
const table = new DynamoDBClient(clientOptions(operator.AWS_ENDPOINT_URL_DYNAMODB, operator))
t.teardown(() => [cognito, table].map((client) => client.destroy()))

const apps = await readApps(customer)
const app = apps.apps.find((one) => one.userPoolId === userPoolId)

/** How a login ends. */
async function login(flow: SignIn['flow'], ordinal = 0): Promise<string> {
  const user = app?.users[ordinal]
  if (!app || !user) throw new Error('The newcomer has no such user.')
  return (await signIn({ ...apps, app, user, flow })).steps.at(-1)?.outcome ?? ''
}

/** What an app gets that begins a login without having asked Corbado. */
async function unasked() {
  const [user] = app?.users ?? []
  if (!app || !user) throw new Error('The newcomer has no such user.')
  const { clientId } = app
  return startLogin({ endpoint: apps.cognito, userPoolId, clientId, username: user.identifier })
}

/** The pool as its owner reads it, without what no two reads agree on. */
async function fetchPool() {
  const { UserPool } = await cognito.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId }))
  const { LastModifiedDate: _, LambdaConfig = {}, ...rest } = UserPool ?? {}
  return { LambdaConfig, rest }
}

async function fetchRecords() {
  const { Items = [] } = await table.send(new ScanCommand({ TableName: operator.TENANT_TABLE ?? '' }))
  return Items.map((item) => unmarshall(item)).filter((item) => item.userPoolId === userPoolId)
}

/** Who has typed a line into a shell by now. */
const typed = new Set<string>()

/** The first line of each person, and every line that needs a shell, goes through one; the others save the time. */
async function run({ who, line }: WalkCommand): Promise<Ran> {
  const here = line.replaceAll('http://127.0.0.1:4502', apps.corbado)
  const [program, ...words] = here.split(' ')
  const plain = program === 'corbado-gateway' && /^[\w ./:-]+$/.test(here) && typed.has(who)
  typed.add(who)
  const ran = plain
    ? await runHere(words, who === 'operator' ? operator : customer)
    : await shell(`. ./${who}.env\n${here}`, workspace)
  if (/tenants (activate|pause|resume|rollback)/.test(line)) await untilFollowed()
  return ran
}

const before = await fetchPool()
const hostedArn = `${operator.GATEWAY_FUNCTION_ARN}:t-1`
const customAuth = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
const wired = { ...before.LambdaConfig, ...Object.fromEntries(customAuth.map((slot) => [slot, hostedArn])) }

type Checks = Pick<typeof t, 'equal' | 'match' | 'notOk' | 'ok' | 'same'>

interface Expected {
  readonly guarantee: string
  /** Exit codes of the step's commands, where not all are 0. */
  readonly codes?: readonly number[]
  check(t: Checks, outputs: readonly string[]): Promise<void>
}

const walk: Record<string, Expected> = {
  onboard: {
    guarantee: 'a draft and a hand-over come of a few words; nothing is in the table yet',
    async check(t) {
      t.match(readFileSync(join(workspace, 'tenants/northwind.yaml'), 'utf8'), 'status: draft')
      t.match(readFileSync(join(workspace, 'northwind.hand-over.md'), 'utf8'), hostedArn)
      t.same(await fetchRecords(), [])
    },
  },
  prepare: {
    guarantee: 'secret, config and alias are brought where they belong, and the secret is never shown',
    async check(t, outputs) {
      const credential = readFileSync(join(workspace, 'northwind.credential'), 'utf8').trim()
      const secret = Buffer.from(credential, 'base64').toString().split(':')[1] ?? ''
      t.ok(secret.length > 20)
      for (const output of outputs) t.notOk(output.includes(credential) || output.includes(secret))
      t.match(await fetchRecords(), [{ record: 'config', version: 1, config: { status: 'draft' } }])
      t.match(outputs[2], `hosted ARN: ${hostedArn}`)
    },
  },
  missing: {
    guarantee: 'the doctor is red before the customer has done its part, and names the role to be made',
    codes: [1],
    async check(t, [output = '']) {
      t.match(output, /✗ role-assumable .*\n +customer: .*role\/corbado\/corbado-eu-central-1_N0rthw1nd/)
      t.match(output, ' 1 failed,')
    },
  },
  role: {
    guarantee: 'the link of the hand-over makes the role, in the account of the person who follows it',
    async check(t, [output = '']) {
      t.match(output, `arn:aws:iam::${NEWCOMER.accountId}:role/corbado/corbado-${userPoolId}`)
    },
  },
  wire: {
    guarantee: 'wiring changes three triggers and nothing else; a draft serves no login, the password goes on working',
    async check(t) {
      const now = await fetchPool()
      t.same(now.LambdaConfig, wired)
      t.same(now.rest, before.rest)
      t.equal(await login('passkey'), 'refused: 404 GW_ERR_TENANT_DRAFT')
      t.match(await unasked(), { error: 'UserLambdaValidationException', message: /not set up correctly/ })
    },
  },
  examine: {
    guarantee: 'the doctor is green once the customer has done its part, and nothing is left unchecked',
    async check(t, [output = '']) {
      t.match(output, / 0 failed, 0 not checkable\n$/)
    },
  },
  activate: {
    guarantee: 'after activate, users sign in with their passkeys through the alias that the operator made',
    async check(t, [, output = '']) {
      t.match(output, 'signed in: tokens of northwind-100731\n')
      t.match(await login('passkey', 1), 'signed in: tokens of northwind-100732')
    },
  },
  pause: {
    guarantee: 'while paused no passkey login begins and the password works; after resume both do',
    codes: [0, 1, 0, 0, 0],
    async check(t, [, paused = '', password = '', , resumed = '']) {
      t.match(paused, 'refused: 200 passkeys_off')
      t.match(await unasked(), { kind: 'challenge' }, 'by now it is resumed')
      for (const output of [password, resumed]) t.match(output, 'signed in: tokens of northwind-100731')
    },
  },
  rotate: {
    guarantee: 'a second secret is stored and the first one deleted; both are in the history, and logins go on',
    async check(t, [, , , history = '']) {
      t.match(history, /^secret 2 +\S+ +\S+ +value of corbado\.credentialParameter\n/m)
      // The first one is refused by now: it is read again, at once.
      t.match(await login('passkey'), 'signed in: tokens of northwind-100731')
    },
  },
  fault: {
    guarantee: 'a dependency fails for a tenant, its logins with it, and both are well when the fault is ended',
    codes: [0, 1, 0],
    async check(t, [, refused = '']) {
      t.match(refused, '✗ answer with it')
      t.match(await login('passkey'), 'signed in: tokens of northwind-100731')
    },
  },
  rollback: {
    guarantee: 'every version is kept, and one of them is served again',
    async check(t) {
      const versions = (await fetchRecords()).map(({ record, version }) => [record, version])
      t.same(versions.sort(), [
        ['config', 5],
        ['v1', 1],
        ['v2', 2],
        ['v3', 3],
        ['v4', 4],
      ])
      t.equal(await login('passkey'), 'refused: 200 passkeys_off')
      t.match(await unasked(), { error: 'NotAuthorizedException' })
      const early = ['tenants', 'remove', 'northwind', '--confirm', 'northwind']
      t.match(await runHere(early, operator), { code: 1, output: 'still call the gateway' }, 'not while it is wired')
    },
  },
  remove: {
    guarantee: 'after the way back the pool is as it was, and the table has only history',
    async check(t) {
      t.same(await fetchPool(), before)
      const records = await fetchRecords()
      t.notOk(records.some(({ record }) => record === 'config'))
      t.same(records.map(({ record }) => record).sort(), ['v1', 'v2', 'v3', 'v4', 'v5', 'v5-removed'])
      const checked = await runHere(['aliases', 'check'], operator)
      t.match(checked, { code: 0, output: 'nothing to fix' })
    },
  },
}

t.test('refuses to onboard if no person can be asked, and names every flag that is missing', async (t) => {
  const { code, output } = await runHere(['onboard', '--mfa', 'sms'], operator)
  t.equal(code, 2)
  for (const flag of ['--customer', '--account', '--pool', '--project']) t.match(output, `${flag} is missing`)
})

t.test('deploys a role with the credentials of the account alone, and only on this machine', async (t) => {
  const link = `https://x/?region=${region}#/stacks/create/review?templateURL=https://a.s3.amazonaws.com/b&stackName=c`
  const deploy = (env: Variables) => runHere(['local', 'deploy-role', link], env)
  t.match(await deploy(operator), { code: 1, output: 'refused: AccessDenied: ' })
  t.match(await deploy(customer), { code: 1, output: 'refused: ValidationError: S3 error' })
  const elsewhere = { AWS_ENDPOINT_URL_CLOUDFORMATION: 'https://cloudformation.eu-central-1.amazonaws.com' }
  t.match(await deploy({ ...customer, ...elsewhere }), { code: 2, output: 'which is not on this machine' })
})

const texts = new Map<string, string>()

t.test('the page leads from a contract to a login and back', async (t) => {
  t.same(
    steps.map(({ name }) => name),
    Object.keys(walk),
    'the page has every step, in this order',
  )
  for (const step of steps) {
    const { guarantee, codes = [], check } = walk[step.name] as Expected
    await t.test(guarantee, async (t) => {
      const outputs: string[] = []
      for (const [index, command] of step.commands.entries()) {
        const { code, output } = await run(command)
        t.equal(code, codes[index] ?? 0, `${command.line}\n${output}`)
        outputs.push(output)
      }
      texts.set(
        step.name,
        walkText(
          step,
          outputs.map((output) => withoutChance(output, workspace)),
        ),
      )
      await check(t, outputs)
      t.match(await login('password'), 'signed in: tokens of northwind-100731', 'the password login is untouched')
      if (!update)
        t.equal(step.text, texts.get(step.name), 'the page shows what is printed; npm run walk writes it again')
    })
  }
  if (update) writeFileSync(PAGE, withWalk(readFileSync(PAGE, 'utf8'), texts))
})
