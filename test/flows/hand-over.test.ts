import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { TAKEN, TOLD, updateProgram } from '../../src/commands/onboard/hand-over/plain.js'
import { changedTriggers, planWiring } from '../../src/commands/wire/changes.js'
import { POOL_FIELDS, poolUpdate } from '../../src/commands/wire/request.js'
import { describePool } from '../../src/local/cognito/settings.js'
import { CUSTOM_AUTH_SLOTS } from '../../src/operator/pool/triggers.js'
import { templateChecksum } from '../../src/operator/role/cloudformation.js'
import { fullPool } from '../fixtures/full-pool.js'
import { awsBySdk } from './fixtures/aws-words.js'
import { region, roleArn, startHandOver, userPoolId } from './fixtures/customer-part.js'
import { linkOf, sectionOf } from './fixtures/page.js'

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

    await follow(sectionOf(page, 'How to undo it'))
    t.same(await fetchPool(), before)
    await t.rejects(stackThere(), /does not exist/, 'the role is gone with its stack')
    t.match(await doctor(1), `customer: create ${roleArn}`)
  },
)

const jq = spawnSync('jq', ['--version']).status === 0
if (!jq) console.error('NOT TRIED: the plain AWS commands of a hand-over, since jq is not installed')

t.test('the plain AWS commands of annex C do the same, and take it back', async (t) => {
  if (!jq) return void t.notOk(process.env.CI, 'where nobody watches, jq has to be there')
  const annex = sectionOf(page, 'Annex C')
  const [, undo = ''] = annex.split('**Undo.**')
  const outputs = await follow(annex.replace(undo, ''))
  t.match(outputs[1], `${templateChecksum()}  role.template.json`, 'the template is the one that was reviewed')
  t.match(await stackThere(), roleArn, 'made of the file')
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

t.test('the page is its steps first, and answers what a security review asks', async (t) => {
  const headings = [...page.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^##+ (.*)$/gm)].map(([, text]) => text)
  t.strictSame(headings, [
    '1. Create the role that Corbado uses',
    "2. Point the pool's triggers at Corbado",
    '3. Tell Corbado',
    'What changes for your users',
    'How to undo it',
    'If something fails',
    'Annex A: for the security review',
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
  ])
  const steps = page.slice(0, page.indexOf('## Annex A'))
  t.ok(steps.split('\n').length < 90, 'the steps are one page')
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
