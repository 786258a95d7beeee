import { CognitoIdentityProviderClient, DescribeUserPoolCommand } from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import { GATEWAY_VERSION } from '../../../src/env.js'
import { customerAdmin } from '../../../src/local/accounts.js'
import type { UserPool } from '../../../src/local/cognito/index.js'
import { startStack } from '../../../src/local/stack.js'
import { hostedArn } from '../../../src/local/world/tenants.js'
import { cli } from '../fixtures/cli.js'
import { createPausingClock } from '../fixtures/clock.js'

// Functions of the pool's own that go on behind the gateway: `--chain`.

const stack = await startStack()
t.teardown(stack.stop)
const account = '111122223333'
const region = 'eu-central-1'
const arn = hostedArn('t-acme')
const npx = `npx @corbado/cognito-gateway@${GATEWAY_VERSION}`
const custom = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'] as const
const fn = (name: string) => `arn:aws:lambda:${region}:${account}:function:${name}`
const credentials = stack.credentialsFor(customerAdmin(account))
Object.assign(process.env, stack.envFor(customerAdmin(account)))
const clock = createPausingClock()

let pools = 0
function newPool(lambdaConfig: UserPool['lambdaConfig']): string {
  const userPoolId = `${region}_Chain${String(++pools).padStart(4, '0')}`
  stack.cognito.putPool({
    ...{ userPoolId, accountId: account, region, name: 'acme-users', lambdaConfig, clients: [] },
    aliasAttributes: ['email'],
    // Nothing that the doctor would warn of.
    fixed: { UsernameConfiguration: { CaseSensitive: false } },
    settings: { AutoVerifiedAttributes: ['email'] },
  })
  return userPoolId
}

const wire = (verb: 'plan' | 'apply', userPoolId: string, ...more: string[]) =>
  cli(['wire', verb, userPoolId, '--arn', arn, ...more], { clock })
const chains = (...slots: string[]) => slots.flatMap((slot) => ['--chain', slot])
const updates = () => stack.cognito.calls.filter(({ operation }) => operation === 'UpdateUserPool').length

async function triggersOf(userPoolId: string) {
  const client = new CognitoIdentityProviderClient({ region, endpoint: stack.cognito.url, credentials })
  const { UserPool: pool } = await client.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId }))
  client.destroy()
  return pool?.LambdaConfig
}

t.test('refuses what cannot be meant before it asks AWS', async (t) => {
  const asked = stack.cognito.calls.length
  for (const [said, ...words] of [
    [/It is <slot>, or <slot>=<the ARN/, '--chain', 'preSignUp'],
    [/It is <slot>, or <slot>=<the ARN/, '--chain', 'PreSignUp='],
    [/--chain CreateAuthChallenge, --chain VerifyAuthChallengeResponse is missing/, '--chain', 'DefineAuthChallenge'],
    [/--chain PreSignUp: what is chained is not/, '--chain', 'PreSignUp', '--also', 'PreSignUp'],
    [/--chain PreSignUp: what is chained/, '--chain', 'PreSignUp', '--replace', `PreSignUp=${fn('a')}`],
    [/keep your own function there, or --chain it/, '--also', 'CustomEmailSender'],
  ] as [RegExp, ...string[]][]) {
    for (const verb of ['plan', 'apply'] as const) {
      const { code, stdout, stderr } = await wire(verb, 'eu-central-1_Any00001', ...words)
      t.strictSame([code, stdout], [2, ''], words.join(' '))
      t.match(stderr, said)
    }
  }
  t.equal(stack.cognito.calls.length, asked)
})

t.test(
  'a slot without a function that can be chained is refused, by what it holds, and nothing is written',
  async (t) => {
    const before = updates()
    const stranger = 'arn:aws:lambda:eu-central-1:444455556666:function:theirs'
    const elsewhere = fn('far').replace(region, 'eu-west-1')
    const versioned = (LambdaVersion: string) => ({ LambdaVersion: LambdaVersion as 'V1_0', LambdaArn: fn('sender') })
    for (const [lambdaConfig, slot, said] of [
      [{}, 'PreSignUp', 'PreSignUp is empty: there is no function to hand its events on to'],
      [{ PreSignUp: arn }, 'PreSignUp', `PreSignUp holds ${arn}, which is the gateway itself`],
      [{ PreSignUp: hostedArn('t-other') }, 'PreSignUp', 'which is the gateway itself'],
      [
        { PreSignUp: stranger },
        'PreSignUp',
        `holds ${stranger}: a function must be of account ${account} in ${region}`,
      ],
      [{ PreSignUp: elsewhere }, 'PreSignUp', `must be of account ${account} in ${region}, as the pool is`],
      [{ PreSignUp: fn('new') }, `PreSignUp=${fn('old')}`, `PreSignUp holds ${fn('new')}, not ${fn('old')}`],
      [
        { CustomEmailSender: versioned('V2_0') },
        'CustomEmailSender',
        'CustomEmailSender sends its function events of version V2_0, and this version knows V1_0',
      ],
      [
        {
          PreTokenGeneration: fn('claims'),
          PreTokenGenerationConfig: { LambdaVersion: 'V4_0' as 'V1_0', LambdaArn: fn('claims') },
        },
        'PreTokenGeneration',
        'of version V4_0, and this version knows V1_0, V2_0, V3_0',
      ],
    ] as [UserPool['lambdaConfig'], string, string][]) {
      const userPoolId = newPool(lambdaConfig)
      const shown = await wire('plan', userPoolId, ...chains(slot))
      t.equal(shown.code, 1, said)
      t.match(shown.stdout.replaceAll('\n', ' '), said)
      t.match(shown.stdout, '\nNothing would be written.\n')
      t.notMatch(shown.stdout, 'wire apply')
      const applied = await wire('apply', userPoolId, ...chains(slot), '--yes')
      t.match(applied, { code: 1, stdout: '\nNothing was written.\n' })
      const json = await wire('apply', userPoolId, ...chains(slot), '--yes', '--json')
      t.match(JSON.parse(json.stdout), { applied: false, taken: [{ slot: slot.split('=')[0], why: String }] })
      t.strictSame(await triggersOf(userPoolId), lambdaConfig)
    }
    t.equal(updates(), before)
  },
)

t.test('the plan names the function that goes on, and the lines of the file that Corbado needs first', async (t) => {
  const userPoolId = newPool({ PreSignUp: fn('check-sign-up') })
  const { code, stdout, stderr } = await wire('plan', userPoolId, ...chains('PreSignUp'))
  t.equal(code, 0)
  t.match(stdout, `  ~ PreSignUp: "${fn('check-sign-up')}" -> "${arn}"\n`)
  t.match(stdout, `  Corbado hands PreSignUp on to ${fn('check-sign-up')}\n`)
  t.match(stdout, `\n  triggers:\n    preSignUp:\n      mode: chain\n      functionArn: ${fn('check-sign-up')}\n`)
  t.match(stdout, `${npx} wire apply ${userPoolId} --arn ${arn} --chain PreSignUp=${fn('check-sign-up')}\n`)
  t.match(
    stderr,
    'warning: write this only once Corbado has said that its config of this pool has triggers.preSignUp: until',
  )
  const json = JSON.parse((await wire('plan', userPoolId, ...chains('PreSignUp'), '--json')).stdout)
  t.strictSame(json.chained, [{ slot: 'PreSignUp', trigger: 'preSignUp', functionArn: fn('check-sign-up') }])
  const terraform = await wire('plan', userPoolId, ...chains('PreSignUp'), '--as', 'terraform')
  t.match(terraform.stdout, `functionArn: ${fn('check-sign-up')}`)
  t.match(terraform.stdout, `pre_sign_up                    = "${arn}"`)
})

t.test('slots in use can be let go, or go on: the plan names both ways, and each can be typed', async (t) => {
  const userPoolId = newPool(Object.fromEntries(custom.map((slot) => [slot, fn('own-code')])))
  const { code, stdout } = await wire('plan', userPoolId)
  t.equal(code, 1)
  const words = chains(...custom.map((slot) => `${slot}=${fn('own-code')}`))
  t.match(
    stdout,
    `\nTo have it go on, called by Corbado:\n  ${npx} wire plan ${userPoolId} --arn ${arn} ${words.join(' ')}\n`,
  )
  const chained = await wire('plan', userPoolId, ...words)
  t.equal(chained.code, 0)
  t.notMatch(chained.stderr, 'logins by these functions end', 'they do not')
  t.match(chained.stderr, 'and login.clientIds the app clients that are for passkeys: until then')
  const one = newPool({ DefineAuthChallenge: fn('own-code') })
  t.notMatch((await wire('plan', one)).stdout, 'To have it go on', 'one of the three cannot')
})

t.test('apply points the slots at the gateway, a second one has nothing to do, and undo puts all back', async (t) => {
  const sender = { LambdaVersion: 'V1_0', LambdaArn: fn('mails') } as const
  const lambdaConfig = {
    ...Object.fromEntries(custom.map((slot) => [slot, fn('own-code')])),
    PreTokenGeneration: fn('claims:live'),
    PreTokenGenerationConfig: { LambdaVersion: 'V2_0', LambdaArn: fn('claims:live') },
    CustomEmailSender: sender,
    KMSKeyID: `arn:aws:kms:${region}:${account}:key/1`,
    PostConfirmation: fn('kept'),
  } as const
  const userPoolId = newPool(lambdaConfig)
  const file = `${t.testdir({})}/before.json`
  const slots = [...custom, 'PreTokenGeneration', 'CustomEmailSender']
  const applied = await wire('apply', userPoolId, ...chains(...slots), '--yes', '--snapshot', file)
  t.equal(applied.code, 0)
  t.notMatch(applied.stderr, 'no such message is sent')
  const wired = {
    ...Object.fromEntries(custom.map((slot) => [slot, arn])),
    PreTokenGeneration: arn,
    PreTokenGenerationConfig: { LambdaVersion: 'V2_0', LambdaArn: arn },
    CustomEmailSender: { ...sender, LambdaArn: arn },
    KMSKeyID: lambdaConfig.KMSKeyID,
    PostConfirmation: fn('kept'),
  }
  t.strictSame(await triggersOf(userPoolId), wired)

  const named = [
    ...custom.map((slot) => `${slot}=${fn('own-code')}`),
    `PreTokenGeneration=${fn('claims:live')}`,
    `CustomEmailSender=${fn('mails')}`,
  ]
  const before = updates()
  t.match(await wire('apply', userPoolId, ...chains(...named), '--yes'), { code: 0, stdout: '  Nothing to do.\n' })
  t.equal(updates(), before)

  const undone = await cli(['wire', 'undo', userPoolId, '--snapshot', file, '--yes'], { clock })
  t.match(undone, { code: 0, stderr: '' })
  t.strictSame(await triggersOf(userPoolId), lambdaConfig)
})
