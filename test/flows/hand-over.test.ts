import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { UpdateUserPoolClientRequest$, UserPoolClientType$ } from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import {
  CLIENT_PROGRAM,
  CLIENT_TAKEN,
  CLIENT_TOLD,
  KEYS_PROGRAM,
  TAKEN,
  TOLD,
  updateProgram,
} from '../../src/commands/onboard/hand-over/plain.js'
import { changedTriggers, planWiring } from '../../src/commands/wire/changes.js'
import { POOL_FIELDS, poolUpdate } from '../../src/commands/wire/request.js'
import { describePool } from '../../src/local/cognito/pool/settings.js'
import { NEWCOMER_POOL } from '../../src/local/world/newcomer.js'
import { CUSTOM_AUTH_SLOTS } from '../../src/operator/pool/triggers.js'
import { templateChecksum } from '../../src/operator/role/cloudformation.js'
import { ROLE_VERSION } from '../../src/operator/role/role.js'
import { fullPool } from '../fixtures/full-pool.js'
import { awsBySdk } from './fixtures/aws-words.js'
import { region, roleArn, startHandOver, userPoolId } from './fixtures/customer-part.js'
import { annexC, linkOf, sectionOf } from './fixtures/page.js'

const { stack, engineer, handOver, operate, follow, openLink, folder } = await startHandOver(t, awsBySdk)
const page = readFileSync(handOver, 'utf8')
const hosted = /arn:aws:lambda:[\w:-]+/.exec(page)?.[0] ?? ''
const doctor = (code: number) => operate('doctor northwind', '', code)

const aws = async (line: string) => awsBySdk(line.split(' '), folder, engineer)

/** The pool as its owner reads it, but for the time of its last change. */
async function fetchPool() {
  const { UserPool } = JSON.parse(
    await aws(`cognito-idp describe-user-pool --region ${region} --user-pool-id ${userPoolId}`),
  )
  const { LastModifiedDate: _, ...rest } = UserPool
  return rest
}
const stackThere = () =>
  aws(`cloudformation describe-stacks --region ${region} --stack-name corbado-${userPoolId.replace('_', '-')}`)
const before = await fetchPool()
const triggers = Object.fromEntries(CUSTOM_AUTH_SLOTS.map((slot) => [slot, hosted]))

t.test('the words of an AWS command that no AWS CLI would take are refused', async (t) => {
  const refused = (line: string) => t.rejects(awsBySdk(line.split(' '), folder, {}), line)
  await refused('cognito-idp describe-pool --user-pool-id x')
  await refused('cognito-idp describe-user-pool')
  await refused('cognito-idp describe-user-pool --user-pool x --user-pool-id y')
  await refused('cognito-idp describe-user-pool --user-pool-id')
})

t.test('before the customer has done its part, the doctor names the role', async (t) => {
  t.match(await doctor(1), `customer: create ${roleArn}`)
})

t.test(
  'the steps of the page, as printed and with the rights that it asks for, bring the pool to a green doctor, and back',
  async (t) => {
    const deployed = await openLink(linkOf(sectionOf(page, '1. Create the role')))
    t.match(deployed, { code: 0, stdout: roleArn })
    const [plan = '', apply = ''] = await follow(sectionOf(page, "2. Point the pool's triggers"))
    for (const slot of CUSTOM_AUTH_SLOTS) t.match(plan, `+ ${slot}: "${hosted}"`)
    t.match(apply, 'Written. Read again, the pool differs in nothing but these triggers.')
    t.match(await doctor(0), ' 0 failed, 0 not checkable\n')
    t.same(await fetchPool(), { ...before, LambdaConfig: { ...before.LambdaConfig, ...triggers } })

    await follow(sectionOf(page, 'Annex D'))
    t.same(await fetchPool(), before)
    await t.rejects(stackThere(), /does not exist/, 'the role is gone with its stack')
    t.match(await doctor(1), `customer: create ${roleArn}`)
  },
)

const jq = spawnSync('jq', ['--version']).status === 0
if (!jq) console.error('NOT TRIED: the plain AWS commands of a hand-over, since jq is not installed')

t.test('the plain AWS commands of annex C do the same, and take it back', async (t) => {
  if (!jq) return void t.notOk(process.env.CI, 'where nobody watches, jq has to be there')
  const { steps, undo } = annexC(page)
  const outputs = await follow(steps)
  t.match(outputs[1], `${templateChecksum()}  role.template.json`, 'the template is the one that was reviewed')
  t.match(await stackThere(), roleArn, 'made of the file')
  t.ok(outputs.includes('"the AWS CLI knows every setting"\n'))
  const differences = (outputs.at(-1) ?? '').split('\n').filter((line) => /^[<>]/.test(line))
  const unexpected = differences.filter((line) => !/LastModifiedDate|AuthChallenge|"PreSignUp"/.test(line))
  t.strictSame(unexpected, [], 'diff shows the triggers and the time alone')
  t.same(await fetchPool(), { ...before, LambdaConfig: { ...before.LambdaConfig, ...triggers } })
  t.match(await doctor(0), ' 0 failed, 0 not checkable\n')

  await follow(undo)
  t.same(await fetchPool(), before)
})

t.test(
  'the request of annex C is that of wire, for a pool with everything set; what it cannot keep, it stops at',
  async (t) => {
    t.same([...TAKEN, ...TOLD].sort(), Object.keys(POOL_FIELDS).sort(), 'every field of the SDK is taken or told')
    const taken = Object.entries(POOL_FIELDS).filter(([, { kind }]) => kind === 'sent-back' || kind === 'changed')
    t.same([...TAKEN, 'Id', 'Name'].sort(), taken.map(([name]) => name).sort())
    if (!jq) return
    const run = (described: object, verb = 'wire') => {
      const args = ['--arg', 'verb', verb, updateProgram(hosted)]
      const { status, stdout, stderr } = spawnSync('jq', args, {
        input: JSON.stringify({ UserPool: described }),
        encoding: 'utf8',
      })
      return { status, stderr, request: status === 0 ? JSON.parse(stdout) : undefined }
    }
    const {
      DefineAuthChallenge: _,
      CreateAuthChallenge: __,
      VerifyAuthChallengeResponse: ___,
      ...others
    } = fullPool.lambdaConfig
    for (const settings of [
      {},
      { UserPoolTags: { 'aws:cloudformation:stack-name': 'x', team: 'identity' } },
      { UserPoolTags: { 'aws:cloudformation:stack-name': 'x' } },
      { UserPoolTier: 'LITE' },
      { AccountRecoverySetting: { RecoveryMechanisms: [] } },
      { Policies: { PasswordPolicy: { MinimumLength: 8 } } },
      { DcrConfiguration: {} },
    ]) {
      const described = JSON.parse(
        JSON.stringify({ ...describePool({ ...fullPool, lambdaConfig: others }, 3), ...settings }),
      )
      const config = changedTriggers(described, planWiring(described, hosted, CUSTOM_AUTH_SLOTS, {}).changes)
      const sent = JSON.parse(JSON.stringify(poolUpdate(described, config)))
      t.same(run(described).request, sent, JSON.stringify(settings))
      const back = JSON.parse(JSON.stringify(poolUpdate(described, described.LambdaConfig)))
      t.same(run({ ...described, LambdaConfig: config }, 'undo').request, back)
    }
    const described = JSON.parse(JSON.stringify(describePool(fullPool, 3)))
    t.match(run(described), { stderr: 'other functions hold DefineAuthChallenge', request: undefined })
    t.match(run({ ...described, PasskeyPolicy2027: {} }), {
      stderr: 'unknown settings, ask Corbado: PasskeyPolicy2027',
    })
  },
)

t.test('an app client without custom authentication gets it by step 3, and keeps all else', async (t) => {
  if (!jq) return void t.notOk(process.env.CI, 'where nobody watches, jq has to be there')
  const pool = NEWCOMER_POOL
  t.teardown(() => stack.cognito.putPool(pool))
  const clientSecret = 'a-secret-that-cognito-made'
  const settings = {
    ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    SupportedIdentityProviders: ['COGNITO'],
    CallbackURLs: ['https://northwind.example/callback'],
    AllowedOAuthFlows: ['code'],
    AllowedOAuthScopes: ['openid'],
    AllowedOAuthFlowsUserPoolClient: true,
    TokenValidityUnits: { AccessToken: 'minutes' },
    AccessTokenValidity: 10,
    PreventUserExistenceErrors: 'ENABLED',
    EnableTokenRevocation: false,
    ReadAttributes: ['email'],
  } as const
  const client = { clientId: 'app0without0custom0auth', clientName: 'app', clientSecret }
  const bare = { ...client, allowCustomAuth: false, preventUserExistenceErrors: true, settings }
  stack.cognito.putPool({ ...pool, clients: [bare as never] })
  const described = async () => {
    const line = `cognito-idp describe-user-pool-client --region ${region} --user-pool-id ${userPoolId} --client-id`
    return JSON.parse(await aws(`${line} ${client.clientId}`)).UserPoolClient
  }
  const { steps, clients, undo } = annexC(page)
  const before = await described()
  const step = sectionOf(page, '3. Let your app clients').replaceAll('CLIENT_ID', client.clientId)
  t.match(await follow(step), ['Read again, the app client differs in nothing but this.'])
  const flows = [...settings.ExplicitAuthFlows, 'ALLOW_CUSTOM_AUTH']
  t.same(await described(), { ...before, ExplicitAuthFlows: flows })
  t.match(sectionOf(page, 'Annex D'), 'the command of step 3 does,\nwith `--undo`')
  t.match(await follow(step.replace(/^npx .*$/m, '$& --undo')), ['Written.'])
  await follow(steps.slice(steps.indexOf('**Step 2')))
  t.match(await doctor(1), /app-clients .*app0without0custom0auth/)
  const outputs = await follow(clients.replaceAll('CLIENT_ID', client.clientId))
  t.match(outputs[0], client.clientId, 'the list has it')
  t.match(await doctor(0), ' 0 failed, 0 not checkable\n')
  const { ExplicitAuthFlows, ...rest } = await described()
  t.same({ ...rest, ExplicitAuthFlows: before.ExplicitAuthFlows }, before, 'all else stays')
  t.same([...ExplicitAuthFlows].sort(), [...settings.ExplicitAuthFlows, 'ALLOW_CUSTOM_AUTH'].sort())
  await follow(undo)
})

t.test(
  'the request for an app client has every field of the SDK, and it stops where there is nothing to do',
  async (t) => {
    const membersOf = (schema: readonly unknown[]) => [...(schema[4] as readonly string[])]
    t.same([...CLIENT_TAKEN].sort(), membersOf(UpdateUserPoolClientRequest$).sort())
    t.same([...CLIENT_TAKEN, ...CLIENT_TOLD].sort(), membersOf(UserPoolClientType$).sort())
    if (!jq) return
    const run = (UserPoolClient: object) => {
      const input = JSON.stringify({ UserPoolClient })
      return spawnSync('jq', [CLIENT_PROGRAM], { input, encoding: 'utf8' }).stderr
    }
    for (const ExplicitAuthFlows of [undefined, [], ['USER_PASSWORD_AUTH']]) {
      t.match(run({ ClientId: 'a', ExplicitAuthFlows }), 'nothing to do: this app client allows it already')
    }
    t.match(run({ ClientId: 'a', Passkey2027: 1 }), 'unknown settings, ask Corbado: Passkey2027')
  },
)

t.test('settings that an AWS CLI leaves out without a word are named, however deep, and nothing is sent', async (t) => {
  if (!jq) return void t.notOk(process.env.CI, 'where nobody watches, jq has to be there')
  const pool = NEWCOMER_POOL
  t.teardown(() => stack.cognito.putPool(pool))
  const updates = () => stack.cognito.calls.filter(({ operation }) => operation === 'UpdateUserPool').length
  const count = updates()
  const { steps } = annexC(page)
  const triggersOnly = steps.slice(steps.indexOf('**Step 2'))
  for (const [name, changes] of [
    ['PasskeyPolicy2027', { fixed: { PasskeyPolicy2027: { Mode: 'required' } } }],
    ['MinimumWords', { settings: { Policies: { PasswordPolicy: { MinimumLength: 12, MinimumWords: 3 } } } }],
  ] as const) {
    stack.cognito.putPool({ ...pool, ...(changes as object) })
    // The SDK reads everything; the AWS CLI prints what its model knows.
    const old = name
    await t.rejects(follow(triggersOnly.replace('describe-user-pool ', `describe-user-pool --leave-out ${old} `)), {
      message: new RegExp(`your AWS CLI does not know .*${name}: update it, or ask Corbado`),
    })
  }
  t.equal(updates(), count)
  const keysOf = (log: string) =>
    spawnSync('jq', ['-Rs', '--argjson', 'read', '[{}]', KEYS_PROGRAM], { input: log, encoding: 'utf8' })
  t.match(keysOf('nothing').stderr, 'no answer in this log')
  const escaped = `Response body:\nb'{"UserPool":{"EmailMessage":"<a title=\\\\"Own\\\\": >"}}'\n`
  t.match(keysOf(escaped).stderr, 'does not know EmailMessage, UserPool:', 'what stands in a value is no setting')
})

t.test('the module of annex B is the one that was reviewed, and the block gives it all that it needs', async (t) => {
  const annex = sectionOf(page, 'Annex B')
  const outputs = await follow(annex)
  const review = sectionOf(page, 'How do you know that what you reviewed')
  const sums = (outputs.at(-1) ?? '').trim().split('\n')
  t.equal(sums.length, 3)
  for (const sum of sums) {
    const [hash = '', path = ''] = sum.split(/ +/)
    t.match(
      review,
      new RegExp(`\`${path.replace('corbado/', '')}\` of the Terraform module \\| <https:[^>]+> \\| \`${hash}\``),
    )
  }
  t.match(readFileSync(`${folder}/corbado/main.tf`, 'utf8'), `# Version ${ROLE_VERSION} of the role.`)
  const variables = readFileSync(`${folder}/corbado/variables.tf`, 'utf8')
    .split(/(?=^variable )/m)
    .slice(1)
  const needed = variables.filter((text) => !text.includes('default'))
  const nameOf = (text: string) => /^variable "(\w+)"/.exec(text)?.[1] ?? ''
  const block = /^module "corbado" \{\n([\s\S]*?)^\}/m.exec(annex)?.[1] ?? ''
  const given = [...block.matchAll(/^ {2}(\w+) += /gm)].map(([, name]) => name)
  t.same(given, ['source', ...needed.map(nameOf)])
  t.match(block, '# permissions_boundary = ')
})

/** How many lines of a printed page a text of Markdown takes: an A4 page has 60 lines of 100 characters. */
function printedLines(markdown: string): number {
  const shown = markdown.replaceAll(/\]\([^)]*\)/g, ']').replaceAll(/^```.*$/gm, '')
  const blocks = shown.split(/(?<=^```\n)|\n{2,}/m)
  const lines = blocks.flatMap((block) =>
    /^npx /.test(block.trim()) ? block.trim().split('\n') : [block.replaceAll('\n', ' ')],
  )
  return lines.reduce((sum, line) => sum + Math.ceil(line.length / 100), 0) + blocks.length
}

t.test('the page is its steps first, and answers what a security review asks', async (t) => {
  const headings = [...page.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^##+ (.*)$/gm)].map(([, text]) => text)
  t.strictSame(headings, [
    '1. Create the role that Corbado uses',
    "2. Point the pool's triggers at Corbado",
    '3. Let your app clients use passkeys',
    '4. Tell Corbado',
    'Annex A: for the security review',
    'What changes for your users?',
    'Who can use the role, and why does it trust a whole account?',
    'What can the role do?',
    'What personal data leaves the account?',
    'What does Corbado log, and for how long?',
    'How long does a session last?',
    'Which CloudTrail events will you see?',
    'May the role have a permissions boundary?',
    'How do you know that what you reviewed is what you deploy?',
    'What stops a wrong account?',
    'Which rights does your engineer need?',
    'Where can you rehearse it?',
    'How do you shut Corbado out?',
    'Annex B: the role as Terraform',
    'Annex C: the same steps as plain AWS commands',
    'Annex D: how to undo it',
  ])
  const steps = page.slice(0, page.indexOf('## Annex A'))
  t.ok(printedLines(steps) <= 60, `the steps are one page: ${printedLines(steps)} lines`)
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.match(steps, `Node.js ${engines.node.replace('>=', '')} or newer`)
})

t.test(
  'no operation that the stand-ins saw under the role is missing from the table of CloudTrail events',
  async (t) => {
    const events = sectionOf(page, 'Which CloudTrail events')
    const seen = [stack.cognito, stack.sts]
      .flatMap(({ calls }) => calls)
      .filter(({ principal }) => principal?.includes(`corbado-${userPoolId}`))
      .map(({ operation }) => operation)
    t.ok(new Set(seen).size > 5)
    for (const operation of new Set(seen)) t.ok(events.includes(`\`${operation}\``), operation)
  },
)
