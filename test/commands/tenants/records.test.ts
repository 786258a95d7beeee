import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { createCall, systemClock } from '../../../src/call.js'
import { parseEnv } from '../../../src/env.js'
import type { UserPoolId } from '../../../src/ids.js'
import { operator, TABLE_NAME } from '../../../src/local/accounts.js'
import { grantAlias, hostedArn } from '../../../src/local/world/tenants.js'
import type { TenantFile } from '../../../src/tenant/config.js'
import { createOperatorUpstreams } from '../../../src/upstreams/operator.js'
import { tenantYaml } from '../fixtures/cli.js'
import { holdWhile } from '../fixtures/gate.js'
import { readIn, startOperator } from '../fixtures/operator.js'

const { stack, env, run, json, seed, setUp, writes } = await startOperator(t)
const { awsRegion: region, tenantTable, actionsAlias } = parseEnv(env)
const upstreams = createOperatorUpstreams({ region, tenantTable, actionsAlias }, systemClock)
t.teardown(() => upstreams.close())

const backend = stack.corbado.url
/** Each tenant id has an account of its own here, and so an ExternalId. */
const accountOf = (tenantId: string) =>
  String(BigInt(`0x${Buffer.from(tenantId).toString('hex')}`) % 10n ** 12n).padStart(12, '0')
/** A tenant of this stack as YAML, with comments; its pool id is the tenant id without dashes. */
const yamlOf = (tenantId: string, changes: readonly (readonly [string, string])[] = []) =>
  changes.reduce(
    (text, [from, to]) => text.replace(from, to),
    `# About ${tenantId}.\n${tenantYaml(tenantId)}`
      .replace('https://backendapi.cloud.corbado.io', backend)
      .replace('customer: acme', `customer: ${tenantId}-co`)
      .replaceAll('111122223333', accountOf(tenantId))
      .replace('ext-acme', `ext-acme-${tenantId}`)
      .replace('status: active', 'status: active # see the contract'),
  )
const poolOf = (tenantId: string) => `eu-central-1_${tenantId.replaceAll('-', '')}` as UserPoolId
const current = (tenantId: string) => upstreams.table.fetchConfig(poolOf(tenantId), createCall(5_000))
const kept = (tenantId: string) => upstreams.table.listVersions(poolOf(tenantId), createCall(5_000))

interface Tap {
  testdir(files: Record<string, string>): string
}
/** Puts a tenant into the table, version by version as alice does, and answers the folder with its last file. */
async function applied(t: Tap, tenantId: string, ...files: string[]): Promise<string> {
  let dir = ''
  for (const [index, text] of files.entries()) {
    dir = t.testdir({ [`${tenantId}.yaml`]: text })
    const now = `2026-01-0${(index % 9) + 1}T10:00:00.000Z`
    if (index === 0) await seed(dir, { now })
    else {
      const { code, stdout, stderr } = await run(`tenants apply ${dir} --status --yes --by alice`, { now })
      if (code !== 0) throw new Error(stdout + stderr)
    }
  }
  return dir
}

/** What a change that is asked for speaks to. */
const HEAD = `table ${TABLE_NAME} in eu-central-1 of account 999900000001\n  as ${operator.arn}\n`

t.test('says of an empty table that it is empty', async (t) => {
  const { code, stderr } = await run('tenants show acme')
  t.equal(code, 1)
  t.equal(
    stderr,
    'error: no tenant, pool or customer in the table is called "acme": the table is empty; to bring files into it: corbado-gateway tenants apply\n',
  )
  t.match(await run('tenants list'), { code: 0, stdout: '0 of 0 tenants\n' })
})

t.test('refuses a name that nothing has, and says which come close', async (t) => {
  await applied(t, 'find-me', yamlOf('find-me'))
  const commands = ['show', 'history', 'rollback', 'activate', 'pause', 'resume', 'suspend', 'remove']
  for (const command of commands) {
    const { code, stderr, stdout } = await run(`tenants ${command} find-ne`)
    t.equal(code, 1, command)
    t.equal(stdout, '')
    const besides = command === 'history' ? ' (one that was removed is found by its user pool id)' : ''
    const none = 'error: no tenant, pool or customer in the table is called "find-ne"'
    t.equal(stderr, `${none}${besides}: did you mean find-me?\n`)
  }
  t.match((await run('tenants show findme')).stderr, /did you mean eu-central-1_findme or find-me\?/)
  t.match((await run('tenants show zzz')).stderr, ': what there is: corbado-gateway tenants list\n')
})

t.test('refuses a customer with several pools, naming them, and takes one with a single pool', async (t) => {
  const shared = (tenantId: string): [string, string][] => [[`customer: ${tenantId}-co`, 'customer: two-pools']]
  await applied(t, 'two-a', yamlOf('two-a', shared('two-a')))
  await applied(t, 'two-b', yamlOf('two-b', shared('two-b')))
  const before = writes()
  const { code, stderr } = await run('tenants suspend two-pools --yes')
  t.equal(code, 2)
  t.equal(
    stderr,
    'error: two-pools has 2 pools, and this works on one: name two-a (eu-central-1_twoa) or two-b (eu-central-1_twob)\n',
  )
  t.equal(writes(), before)
  for (const word of ['find-me', 'eu-central-1_findme', 'find-me-co']) {
    t.match(await json(`tenants show ${word}`), { config: { tenantId: 'find-me' } }, word)
  }
})

t.test('a tenant called as its customer is means that tenant alone', async (t) => {
  const named: [string, string][] = [['customer: twin-co', 'customer: twin']]
  await applied(t, 'twin', yamlOf('twin', named))
  await applied(t, 'twin-b', yamlOf('twin-b', [['customer: twin-b-co', 'customer: twin']]))
  t.match(await json('tenants show twin'), { config: { tenantId: 'twin' } })
})

t.test('a status command refuses a tenant that is not in a status it may start from', async (t) => {
  await applied(t, 'draft', yamlOf('draft', [['active #', 'draft #']]))
  const before = writes()
  t.match(await run('tenants pause draft'), {
    code: 1,
    stderr: 'error: draft is draft: only an active tenant can be paused\n',
  })
  t.match(await run('tenants resume draft'), {
    code: 1,
    stderr: 'error: draft is draft: a draft goes live by corbado-gateway tenants activate draft\n',
  })
  t.equal(writes(), before)
})

t.test('suspend and rollback show what they would do and write nothing without a yes', async (t) => {
  const dir = await applied(t, 'unsure', yamlOf('unsure'), yamlOf('unsure', [['mfa: sms', 'mfa: email']]))
  const before = writes()
  const suspend = await run(`tenants suspend unsure --dir ${dir}`)
  t.match(suspend, { code: 1, stderr: '' }, 'a script can see that nothing happened')
  t.equal(
    suspend.stdout,
    `${HEAD}unsure (eu-central-1_unsure), in the table version 2 by alice, 0 minutes ago
  ~ status: "active" -> "suspended"

Nothing was written. To write it:
  corbado-gateway tenants suspend unsure --dir ${dir} --yes
`,
  )
  const rollback = await run(`tenants rollback unsure --dir ${dir}`)
  t.equal(rollback.code, 1)
  t.equal(
    rollback.stdout,
    `to go back to: version 1 by alice of 2026-01-01T10:00:00.000Z
${HEAD}unsure (eu-central-1_unsure), in the table version 2 by alice, 0 minutes ago
  ~ actions.postAppend.mfa: "email" -> "sms"

Nothing was written. To write it:
  corbado-gateway tenants rollback unsure --to 1 --dir ${dir} --yes
`,
  )
  t.match(await run(`tenants suspend unsure --dir ${dir}`, { isTTY: true, stdin: 'n\n' }), { code: 1 })
  t.match(await json(`tenants rollback unsure --dir ${dir}`), { written: false })
  t.equal((await run(`tenants suspend unsure --json --dir ${dir}`, { isTTY: true })).code, 1, '--json asks no person')
  t.equal(writes(), before)
  t.match(await readIn(dir, 'unsure.yaml'), 'status: active # see')
})

t.test('writes after a yes that is typed on a terminal', async (t) => {
  const dir = await applied(t, 'asked', yamlOf('asked'))
  const { code, stderr } = await run(`tenants suspend asked --dir ${dir}`, { isTTY: true, stdin: 'y\n' })
  t.equal(code, 0)
  t.match(stderr, 'Write this? [y/N] ')
  t.match(await current('asked'), { version: 2, config: { status: 'suspended' } })
})

t.test('a status changes in the table, as a version of its own, and in the file, whose comments stay', async (t) => {
  const dir = await applied(t, 'pausing', yamlOf('pausing'))
  const paused = await run(`tenants pause pausing --dir ${dir} --by bob`, { now: '2026-02-01T00:00:00.000Z' })
  t.match(paused, { code: 0, stderr: '' })
  t.equal(
    paused.stdout,
    `${HEAD}pausing (eu-central-1_pausing), in the table version 1 by alice, 30 days ago
  ~ status: "active" -> "passkeys-off"
version 2 written by bob
${dir}/pausing.yaml: changed likewise
`,
  )
  t.same(await current('pausing'), {
    userPoolId: 'eu-central-1_pausing',
    record: 'config',
    version: 2,
    updatedAt: '2026-02-01T00:00:00.000Z',
    updatedBy: 'bob',
    config: { ...parse(yamlOf('pausing')), status: 'passkeys-off' },
  })
  t.equal(await readIn(dir, 'pausing.yaml'), yamlOf('pausing', [['active #', 'passkeys-off #']]))

  const again = writes()
  t.match(await run(`tenants pause pausing --dir ${dir}`), {
    code: 0,
    stdout: `pausing (eu-central-1_pausing), in the table version 2 by bob, 0 minutes ago: nothing to change\n${dir}/pausing.yaml says so already\n`,
  })
  t.equal(writes(), again)
  t.match(await json(`tenants resume pausing --dir ${dir}`), {
    tenantId: 'pausing',
    changes: [{ field: 'status', from: 'passkeys-off', to: 'active' }],
    written: true,
    now: { version: 3 },
    file: { state: 'edited' },
  })
  t.equal(await readIn(dir, 'pausing.yaml'), yamlOf('pausing'))
  t.match(await run(`tenants plan ${dir}`), { stdout: '1 untouched\n' })
})

t.test('a file that says more than the table keeps what it says, and that is said', async (t) => {
  await applied(t, 'ahead', yamlOf('ahead'))
  const file = yamlOf('ahead', [['mfa: sms', 'mfa: none']])
  const dir = t.testdir({ 'ahead.yaml': file })
  const { code, stdout } = await run(`tenants pause ahead --dir ${dir}`)
  t.equal(code, 0)
  t.match(
    stdout,
    `${dir}/ahead.yaml differs from the table in other fields, which were left as they are: actions.postAppend.mfa\n`,
  )
  t.equal(await readIn(dir, 'ahead.yaml'), file.replace('active #', 'passkeys-off #'))
  const again = await run(`tenants pause ahead --dir ${dir}`)
  t.match(
    again.stdout,
    `: nothing to change\n${dir}/ahead.yaml differs from the table in fields which were left as they are: actions.postAppend.mfa\n`,
  )
  t.notMatch(again.stdout, 'says so already', 'which it does not')
  t.match(await current('ahead'), { config: { actions: { postAppend: { mfa: 'sms' } } } })
})

t.test('a file that cannot be changed is left as it is, and makes the exit code 1', async (t) => {
  await applied(t, 'torn', yamlOf('torn'))
  const cases = [
    { text: 'a: [', line: 'was left as it is: it has errors, which are told by: corbado-gateway tenants validate ' },
    {
      text: yamlOf('torn', [['userPoolId: eu-central-1_torn', 'userPoolId: eu-central-1_other']]),
      line: 'was left as it is: it is not of this user pool',
    },
  ]
  for (const [index, { text, line }] of cases.entries()) {
    const dir = t.testdir({ 'torn.yaml': text })
    const { code, stdout } = await run(`tenants ${index === 0 ? 'pause' : 'resume'} torn --dir ${dir}`)
    t.equal(code, 1)
    t.match(stdout, `${dir}/torn.yaml ${line}`)
    t.equal(await readIn(dir, 'torn.yaml'), text)
  }
  t.match(await current('torn'), { version: 3, config: { status: 'active' } })
  t.match(await run('tenants pause torn --dir /nowhere'), {
    code: 0,
    stdout: /\nversion 4 written by .*\n$/,
    stderr: /^note: \/nowhere\/torn\.yaml is not there, so the table alone has this\./,
  })
})

t.test('resume says that a tenant which was paused before it was suspended is paused still', async (t) => {
  const dir = await applied(t, 'twice', yamlOf('twice'))
  for (const words of ['pause twice', 'suspend twice --yes']) {
    t.equal((await run(`tenants ${words} --dir ${dir}`)).code, 0, words)
  }
  const still = /\nIt was paused before it was suspended, and still is; .*: corbado-gateway tenants resume twice\n$/
  t.match(await run(`tenants resume twice --dir ${dir}`), { code: 0, stdout: still })
  const { code, stdout } = await run(`tenants resume twice --dir ${dir}`)
  t.equal(code, 0)
  t.notMatch(stdout, 'still is')
})

t.test('the example files change in one line', async (t) => {
  for (const name of ['acme-shop', 'globex-bank']) {
    const text = (await readIn('tenants', `${name}.yaml`)).replace(/backendApiUrl: .*/, `backendApiUrl: ${backend}`)
    const dir = await applied(t, name, text)
    t.match(await run(`tenants pause ${name} --dir ${dir}`), { code: 0 })
    t.equal(await readIn(dir, `${name}.yaml`), text.replace('status: active', 'status: passkeys-off'), name)
  }
})

/** Lets bob change a tenant of version 1 after the next command has read it, before its first write. */
async function changeWhileWriting(tenantId: string): Promise<void> {
  const old = await current(tenantId)
  if (!old) throw new Error(`${tenantId} is in the table`)
  await holdWhile(stack.table, 'PutItem', 1, async () => {
    await stack.table.setFault(undefined)
    await upstreams.table.putConfig({ ...old, version: 2, updatedBy: 'bob' }, 1, createCall(5_000))
  })
}

t.test('stops if another operator changes the tenant meanwhile, and leaves the file alone', async (t) => {
  const dir = await applied(t, 'raced', yamlOf('raced'))
  await changeWhileWriting('raced')
  const { code, stderr } = await run(`tenants pause raced --dir ${dir}`)
  t.equal(code, 1)
  t.equal(
    stderr,
    'error: raced was changed in the table meanwhile: it is version 2 by bob of 2026-01-01T10:00:00.000Z; it was not written\n',
  )
  t.match(await current('raced'), { version: 2, config: { status: 'active' } })
  t.equal(await readIn(dir, 'raced.yaml'), yamlOf('raced'))
})

t.test('a kept version is never lost: a write that would replace another one of its name is refused', async (t) => {
  const dir = await applied(t, 'keeper', yamlOf('keeper'))
  const now = await current('keeper')
  if (!now) throw new Error('keeper is in the table')
  await upstreams.table.keepVersion({ ...now, updatedBy: 'bob' }, createCall(5_000))
  const { code, stderr } = await run(`tenants pause keeper --dir ${dir}`)
  t.equal(code, 1)
  t.match(stderr, 'error: the table keeps another v1 of eu-central-1_keeper than the one that is to be kept.')
  t.strictSame(await current('keeper'), now)
  t.match(await kept('keeper'), [{ version: 1, updatedBy: 'bob' }])
})

t.test('history lists who changed which fields when, the newest first, and no ExternalId', async (t) => {
  const dir = await applied(
    t,
    'olden',
    yamlOf('olden'),
    yamlOf('olden', [['mfa: sms', 'mfa: email']]),
    yamlOf('olden', [['ext-acme-', 'ext-other-']]),
  )
  // As a write leaves it that was stopped half-way.
  const now = await current('olden')
  if (now) await upstreams.table.keepVersion(now, createCall(5_000))
  t.equal(
    (await run('tenants history olden')).stdout,
    `olden (eu-central-1_olden)
version  when                      by     changed
3        2026-01-03T10:00:00.000Z  alice  ~ aws.externalId: (changed), ~ actions.postAppend.mfa: "email" -> "sms"
2        2026-01-02T10:00:00.000Z  alice  ~ actions.postAppend.mfa: "sms" -> "email"
1        2026-01-01T10:00:00.000Z  alice  added
`,
  )
  t.same(await json('tenants history olden-co'), {
    kind: 'tenant-history',
    userPoolId: 'eu-central-1_olden',
    secret: {
      parameter: '/corbado/gateway/eu-central-1_olden/backend-api',
      versions: [],
      unknown: 'it is not stored',
    },
    versions: [
      {
        version: 3,
        updatedAt: '2026-01-03T10:00:00.000Z',
        updatedBy: 'alice',
        changes: [{ field: 'aws.externalId' }, { field: 'actions.postAppend.mfa', from: 'email', to: 'sms' }],
        what: 'changed',
      },
      {
        version: 2,
        updatedAt: '2026-01-02T10:00:00.000Z',
        updatedBy: 'alice',
        changes: [{ field: 'actions.postAppend.mfa', from: 'sms', to: 'email' }],
        what: 'changed',
      },
      { version: 1, updatedAt: '2026-01-01T10:00:00.000Z', updatedBy: 'alice', changes: [], what: 'added' },
    ],
  })
  const printed = ['history olden', 'rollback olden', 'show olden', `plan ${dir}`, 'list olden']
  for (const line of printed) {
    for (const { stdout } of [await run(`tenants ${line}`), await run(`tenants ${line} --json`)]) {
      t.notMatch(stdout, /ext-(acme|other)/, line)
    }
  }
})

t.test('history tells who stored a secret and when among the versions, and never a value', async (t) => {
  await applied(t, 'keyed', yamlOf('keyed'))
  const name = `/corbado/gateway/${poolOf('keyed')}/backend-api`
  t.match(await run('tenants history keyed'), {
    code: 0,
    stdout: /^keyed .*\nversion .*\n1 .* added\n$/,
    stderr: `note: who stored ${name}, and when, is not known: it is not stored\n`,
  })
  stack.ssm.put(name, 'c2VjcmV0', 'String')
  const put = { name, value: 'c2VjcmV0LTI=', type: 'SecureString', overwrite: true } as const
  await upstreams.putParameter(put, createCall(5_000))
  const { code, stdout, stderr } = await run('tenants history keyed')
  t.same({ code, stderr }, { code: 0, stderr: '' })
  const [, , first, second, third] = stdout.split('\n')
  t.match(first, /^secret 2 +\S+Z +corbado-operator\/local +value of corbado\.credentialParameter$/)
  t.match(second, /^secret 1 +\S+Z +root +value of corbado\.credentialParameter$/)
  t.match(third, /^1 .*added$/, 'the config is older')
  const answer = await run('tenants history keyed --json')
  const { versions } = JSON.parse(answer.stdout).secret
  t.match(versions, [
    { version: 2, updatedBy: operator.arn },
    { version: 1, updatedBy: /:root$/ },
  ])
  t.notMatch(stdout + answer.stdout, /c2Vj/)
  const asked = stack.ssm.calls.filter(({ operation }) => operation === 'GetParameterHistory')
  t.notMatch(JSON.stringify(asked.map(({ input }) => input)), /"WithDecryption":true/)
})

t.test("history tells the same of the secret of post-login's app client", async (t) => {
  const name = `/corbado/gateway/${poolOf('signer')}/client-secret`
  const postLogin = `actions:\n  postLogin:\n    clientId: abc\n    clientSecretParameter: ${name}`
  await applied(t, 'signer', yamlOf('signer', [['actions:', postLogin]]))
  stack.ssm.put(`/corbado/gateway/${poolOf('signer')}/backend-api`, 'c2VjcmV0')
  t.match(await run('tenants history signer'), {
    stderr: `note: who stored ${name}, and when, is not known: it is not stored\n`,
  })
  const put = { name, value: 'abcsecret', type: 'SecureString', overwrite: true } as const
  await upstreams.putParameter(put, createCall(5_000))
  const { stdout, stderr } = await run('tenants history signer')
  t.equal(stderr, '')
  t.match(stdout, /^client secret 1 +\S+Z +\S+ +value of actions\.postLogin\.clientSecretParameter$/m)
  t.match(stdout, /^secret 1 +\S+Z +root +value of corbado\.credentialParameter$/m)
  t.match(await json('tenants history signer'), {
    secret: { versions: { length: 1 } },
    clientSecret: { parameter: name, versions: [{ version: 1, updatedBy: operator.arn }] },
  })
})

t.test('history of the config is shown although SSM does not say who stored the secret', async (t) => {
  await applied(t, 'unread', yamlOf('unread'))
  stack.ssm.put(`/corbado/gateway/${poolOf('unread')}/backend-api`, 'c2VjcmV0')
  const lines = [
    [{ kind: 'status', status: 500 }, 'SSM said InternalServerError'],
    [{ kind: 'denied' }, 'SSM said AccessDeniedException; it takes ssm:GetParameterHistory'],
  ] as const
  for (const [fault, said] of lines) {
    await stack.ssm.setFault(fault, 'GetParameterHistory')
    const { code, stdout, stderr } = await run('tenants history unread')
    const answer = await json('tenants history unread')
    await stack.ssm.setFault(undefined)
    t.equal(code, 0)
    t.match(stdout, /^1 .*added$/m)
    t.equal(
      stderr,
      `note: who stored /corbado/gateway/eu-central-1_unread/backend-api, and when, is not known: ${said}\n`,
    )
    t.match(answer.secret, { versions: [], unknown: said })
  }
})

t.test('version 10 comes after version 9, not after version 1', async (t) => {
  const dir = await applied(
    t,
    'eleven',
    ...Array.from({ length: 11 }, (_, i) => yamlOf('eleven', [['mfa: sms', i % 2 ? 'mfa: none' : 'mfa: sms']])),
  )
  const { stdout } = await run('tenants history eleven')
  t.same(
    stdout
      .split('\n')
      .slice(2, -1)
      .map((line) => Number.parseInt(line, 10)),
    [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
  )
  t.match((await run(`tenants rollback eleven --dir ${dir}`)).stdout, 'to go back to: version 10 by alice')
})

t.test('rollback refuses what cannot be gone back to', async (t) => {
  await applied(t, 'young', yamlOf('young'))
  t.match(await run('tenants rollback young --yes'), {
    code: 1,
    stderr: 'error: young cannot go back: it is at version 1, and there is no earlier one\n',
  })
  t.match(await run('tenants rollback young --to soon'), { code: 2, stderr: 'error: --to must be a version number' })
  await applied(t, 'young', yamlOf('young', [['mfa: sms', 'mfa: none']]))
  for (const version of [2, 7]) {
    t.match(await run(`tenants rollback young --to ${version} --yes`), {
      code: 1,
      stderr: 'error: young cannot go back: it is at version 2, and the earlier ones are 1\n',
    })
  }
  t.match(await run('tenants rollback young --yes', { env: { BACKEND_API_HOSTS: 'example.com' } }), {
    code: 1,
    stderr: /^error: version 1 of young \(eu-central-1_young\) is not valid: corbado.backendApiUrl must /,
  })
})

t.test('rollback refuses a name that another pool has by now', async (t) => {
  await applied(t, 'former', yamlOf('former'))
  await applied(t, 'later', yamlOf('former', [['tenantId: former', 'tenantId: later']]))
  await applied(t, 'former', yamlOf('other', [['tenantId: other', 'tenantId: former']]))
  t.match(await run('tenants rollback later --yes'), {
    code: 1,
    stderr: 'error: the tenant id former is used by user pool eu-central-1_other now\n',
  })
})

t.test('rollback refuses an account that another customer has by now', async (t) => {
  const moved: [string, string][] = [
    [accountOf('mover'), '000000000007'],
    [accountOf('mover'), '000000000007'],
  ]
  await applied(t, 'mover', yamlOf('mover'), yamlOf('mover', moved))
  const heir: [string, string][] = [
    [accountOf('heir'), accountOf('mover')],
    [accountOf('heir'), accountOf('mover')],
  ]
  await applied(t, 'heir', yamlOf('heir', heir))
  const before = writes()
  t.match(await run('tenants rollback mover --yes'), {
    code: 1,
    stderr:
      'error: mover cannot go back: aws.accountId is the account of customer heir-co in the table (heir, user pool eu-central-1_heir): ',
  })
  t.equal(writes(), before)
})

t.test('rollback writes the old config as a new version, and the same fields into the file', async (t) => {
  const first = yamlOf('back', [['actions:', 'login:\n  maxAttempts: 5\nactions:']])
  const second = yamlOf('back', [['mfa: sms', 'mfa: none # for now']])
  const dir = await applied(t, 'back', first, second)
  const { code, stdout } = await run(`tenants rollback back --yes --by carol --dir ${dir}`, {
    now: '2026-03-01T00:00:00.000Z',
  })
  t.equal(code, 0)
  t.equal(
    stdout,
    `to go back to: version 1 by alice of 2026-01-01T10:00:00.000Z
${HEAD}back (eu-central-1_back), in the table version 2 by alice, 57 days ago
  ~ actions.postAppend.mfa: "none" -> "sms"
  + login.maxAttempts: 5
version 3 written by carol
${dir}/back.yaml: changed likewise
`,
  )
  const { config, ...record } = (await current('back')) ?? {}
  t.match(record, { version: 3, updatedAt: '2026-03-01T00:00:00.000Z', updatedBy: 'carol' })
  t.same(config, parse(first))
  t.same(
    (await kept('back')).map(({ record, version }) => [record, version]),
    [
      ['v1', 1],
      ['v2', 2],
    ],
  )
  t.same(parse(await readIn(dir, 'back.yaml')), parse(first))
  t.match(await readIn(dir, 'back.yaml'), 'mfa: sms # for now\n')
  const odd = t.testdir({ 'back.yaml': first.replace(/actions:.*/s, 'actions: none\n') })
  const left = await run(`tenants rollback back --to 2 --yes --dir ${odd}`)
  t.match(left, {
    code: 1,
    stdout:
      /back.yaml was left as it is: it is written in a way that could not be edited: change it by hand \(.*actions.postAppend.mfa.*\)\n/,
  })
  t.match(await run(`tenants rollback back --yes --dir ${t.testdir({ 'back.yaml': second })}`), { code: 0 })
  // And forth again: what the old config did not have goes.
  t.match(await run(`tenants rollback back --yes --dir ${dir}`), { code: 0, stdout: '  - login.maxAttempts: 5\n' })
  t.same(parse(await readIn(dir, 'back.yaml')), parse(second))
})

const neverInvoked = async () => {
  throw new Error('no login in these tests')
}
const asFile = (text: string) => parse(text) as TenantFile

t.test('activate refuses while a check of the doctor fails, and says which and what to do', async (t) => {
  const text = yamlOf('sick', [['active #', 'draft #']])
  const dir = await applied(t, 'sick', text)
  setUp(asFile(text))
  stack.cognito.putPool({
    userPoolId: poolOf('sick'),
    accountId: accountOf('sick'),
    region: 'eu-central-1',
    lambdaConfig: { DefineAuthChallenge: hostedArn('t-other') },
    clients: [],
    aliasAttributes: [],
  })
  const before = writes()
  const { code, stdout, stderr } = await run(`tenants activate sick --dir ${dir}`)
  t.equal(code, 1)
  t.match(stdout, /^failed triggers: .*\n {2}customer: .* wire plan /m)
  t.match(stderr, 'error: sick was not activated: fix what failed or could not be checked, then try again\n')
  t.match(await json(`tenants activate sick --dir ${dir}`), { written: false, findings: [{ state: String }] })
  t.equal(writes(), before)
  t.match(await readIn(dir, 'sick.yaml'), 'status: draft')
})

t.test(
  'activate serves a tenant of whom the doctor has nothing bad to say, and names what could not be checked',
  async (t) => {
    const text = yamlOf('well', [
      ['active #', 'draft #'],
      ['alias: t-acme', 'alias: t-well'],
      ['projectId: pro-1', 'projectId: pro-17'],
    ])
    const dir = await applied(t, 'well', text)
    setUp(asFile(text))
    stack.deploy(neverInvoked, ['t-well'])
    grantAlias(stack, 't-well', [asFile(text)])
    const { code, stdout, stderr } = await run(`tenants activate well --dir ${dir}`)
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.match(
      stdout,
      /^doctor: \d+ of \d+ checks passed\nwell .*\n {2}~ status: "draft" -> "active"\nversion 2 written by /m,
    )
    t.match(await current('well'), { version: 2, config: { status: 'active' } })
    t.equal(await readIn(dir, 'well.yaml'), text.replace('draft #', 'active #'))
    t.match(await json(`tenants activate well --dir ${dir}`), {
      written: false,
      findings: [{ check: String, state: 'passed' }],
    })
  },
)

t.test('activate refuses if what matters could not be checked: that is no better than failed', async (t) => {
  const text = yamlOf('unseen', [
    ['active #', 'draft #'],
    ['alias: t-acme', 'alias: t-unseen'],
    ['projectId: pro-1', 'projectId: pro-18'],
  ])
  const dir = await applied(t, 'unseen', text)
  setUp(asFile(text))
  stack.deploy(neverInvoked, ['t-unseen'])
  grantAlias(stack, 't-unseen', [asFile(text)])
  for (const broken of [stack.sts, stack.ssm, stack.lambda, stack.corbado]) {
    await broken.setFault({ kind: 'status', status: 500 })
    const { code, stderr } = await run(`tenants activate unseen --dir ${dir}`)
    await broken.setFault(undefined)
    t.equal(code, 1, broken.name)
    t.match(stderr, 'error: unseen was not activated', broken.name)
    t.match(await current('unseen'), { config: { status: 'draft' } }, broken.name)
  }
  t.match(await run(`tenants activate unseen --dir ${dir}`), { code: 0 })
})

t.test('activate needs to know the function and the role of the doctor', async (t) => {
  for (const name of ['GATEWAY_FUNCTION_ARN', 'DOCTOR_ROLE_ARN']) {
    t.match(await run('tenants activate well', { env: { [name]: undefined } }), {
      code: 2,
      stderr: `error: ${name} is not set`,
    })
  }
})

t.test('remove refuses while triggers of the pool call the gateway, through whichever alias', async (t) => {
  const dir = await applied(t, 'wired', paused('wired'))
  const tenant = asFile(paused('wired'))
  setUp(tenant)
  const before = writes()
  const refused = await run(`tenants remove wired --confirm wired --dir ${dir}`)
  t.equal(refused.code, 1)
  t.match(
    refused.stderr,
    'error: triggers of eu-central-1_wired still call the gateway (DefineAuthChallenge, CreateAuthChallenge, VerifyAuthChallengeResponse): without the tenant they would fail.',
  )
  setUp({ ...tenant, alias: 't-another' })
  t.match(await run(`tenants remove wired --confirm wired --dir ${dir}`), { code: 1, stderr: 'still call the gateway' })
  t.equal(writes(), before)
  t.match(await readIn(dir, 'wired.yaml'), 'wired')
})

/** As `tenants pause` leaves the file. */
const paused = (tenantId: string, changes: readonly (readonly [string, string])[] = []) =>
  yamlOf(tenantId, [['status: active', 'status: passkeys-off'], ...changes])

/** As the customer leaves the pool after `wire undo`. */
function unwire(tenantId: string): void {
  setUp(asFile(yamlOf(tenantId)))
  const foreign = 'arn:aws:lambda:eu-central-1:111122223333:function:their-own'
  stack.cognito.putPool({
    userPoolId: poolOf(tenantId),
    accountId: accountOf(tenantId),
    region: 'eu-central-1',
    lambdaConfig: { PreSignUp: foreign },
    clients: [],
    aliasAttributes: [],
  })
}

t.test('remove refuses if it cannot be told what the triggers call, unless that is said to be fine', async (t) => {
  const dir = await applied(t, 'blind', paused('blind'))
  const before = writes()
  const refused = await run(`tenants remove blind --confirm blind --dir ${dir}`)
  t.equal(refused.code, 1)
  t.match(refused.stderr, /^error: it is not known whether triggers of eu-central-1_blind still call .* AccessDenied/)
  t.match(
    refused.stderr,
    `if they do not: corbado-gateway tenants remove blind --dir ${dir} --unchecked --confirm blind\n`,
  )
  t.match(await run(`tenants remove blind --confirm blind --dir ${dir}`, { env: { DOCTOR_ROLE_ARN: undefined } }), {
    code: 2,
    stderr: /^error: DOCTOR_ROLE_ARN is not set/,
  })
  t.match(await run(`tenants remove blind --confirm blind`, { env: { GATEWAY_FUNCTION_ARN: undefined } }), {
    code: 2,
    stderr: 'error: GATEWAY_FUNCTION_ARN is not set',
  })
  t.equal(writes(), before)
  t.match(await run(`tenants remove blind --confirm blind --unchecked --dir ${dir}`), { code: 0 })
  t.equal(await current('blind'), undefined)
})

t.test('remove refuses an active tenant, whoever its triggers call, unless its pool is gone', async (t) => {
  const dir = await applied(t, 'busy', yamlOf('busy'))
  setUp(asFile(yamlOf('busy')))
  const before = writes()
  const refusal = `error: busy is active: its apps begin passkey logins, and without the tenant all of them would fail. Pause it first, so that they use the login that they had before: corbado-gateway tenants pause busy --dir ${dir}\n`
  const isRefused = async (flags: string) => {
    const { code, stdout, stderr } = await run(`tenants remove busy --confirm busy --dir ${dir}${flags}`)
    t.strictSame({ code, stdout, stderr }, { code: 1, stdout: '', stderr: refusal }, flags)
  }
  await isRefused('')
  await isRefused(' --unchecked')
  unwire('busy')
  await isRefused('')
  const refused = JSON.parse((await run(`tenants remove busy --confirm busy --dir ${dir} --json`)).stdout)
  t.match(refused, { kind: 'error', error: { exitCode: 1, message: /^busy is active: / } })
  t.equal(writes(), before)
  t.match(await current('busy'), { config: { status: 'active' } })
  // A pool of this id is in another account: the one that is meant is gone.
  stack.cognito.putPool({
    ...{ userPoolId: poolOf('busy'), accountId: '999988887777', region: 'eu-central-1' },
    ...{ lambdaConfig: {}, clients: [], aliasAttributes: [] },
  })
  t.match(await run(`tenants remove busy --confirm busy --dir ${dir}`), { code: 0, stderr: '', stdout: /removed; / })
})

t.test('remove wants the tenant id, by option or typed', async (t) => {
  const dir = await applied(t, 'leaving', paused('leaving'))
  unwire('leaving')
  const before = writes()
  const shown = await run(`tenants remove leaving --dir ${dir}`)
  t.match(shown, { code: 1, stderr: '' })
  t.equal(
    shown.stdout,
    `${HEAD}- leaving (eu-central-1_leaving), passkeys-off, version 1 by alice, 0 minutes ago
  its versions stay in the table; its file is deleted

Nothing was removed. To remove it: corbado-gateway tenants remove leaving --dir ${dir} --confirm leaving
`,
  )
  t.match(await run(`tenants remove leaving --confirm eu-central-1_leaving --dir ${dir}`), {
    code: 2,
    stderr: 'error: --confirm says "eu-central-1_leaving", but the tenant id is leaving: nothing was removed\n',
  })
  t.match(await run(`tenants remove leaving --dir ${dir}`, { isTTY: true, stdin: 'y\n' }), {
    code: 1,
    stdout: 'Nothing was removed.',
  })
  t.match(await json(`tenants remove leaving --dir ${dir}`), { removed: false })
  t.equal((await run(`tenants remove leaving --json --dir ${dir}`, { isTTY: true })).code, 1, '--json asks no person')
  t.equal(writes(), before)
  t.match(await run(`tenants remove leaving --dir ${dir}`, { isTTY: true, stdin: 'leaving\n' }), {
    code: 0,
    stderr: 'Type the tenant id to remove it: ',
  })
  t.equal(await current('leaving'), undefined)
  t.same(await readdir(dir), [])
})

t.test('remove keeps the history, and a pool that comes back goes on counting', async (t) => {
  const dir = await applied(t, 'again', paused('again'), paused('again', [['mfa: sms', 'mfa: none']]))
  unwire('again')
  stack.ssm.remove('/corbado/gateway/eu-central-1_again/backend-api')
  await writeFile(join(dir, 'other.yaml'), yamlOf('other'))
  const removed = await run(`tenants remove again --confirm again --by dave --dir ${dir}`, {
    now: '2026-04-01T00:00:00.000Z',
  })
  t.match(removed, { code: 0, stderr: '' })
  t.match(
    removed.stdout,
    `removed; what there was: corbado-gateway tenants history eu-central-1_again\n${dir}/again.yaml: deleted\nif an alias still lets the pool in: corbado-gateway aliases revoke eu-central-1_again --yes\n`,
  )
  t.same(await readdir(dir), ['other.yaml'])
  t.match(await run('tenants show again'), { code: 1 })
  t.match(await run('tenants history eu-central-1_nobody'), { code: 1, stderr: 'error: no tenant, pool or customer' })
  const back = await applied(t, 'again', paused('again'))
  t.match(await current('again'), { version: 3, config: { tenantId: 'again' } })
  t.equal(
    (await run('tenants history eu-central-1_again')).stdout,
    `again (eu-central-1_again)
version  when                      by     changed
3        2026-01-01T10:00:00.000Z  alice  added
2        2026-04-01T00:00:00.000Z  dave   removed
2        2026-01-02T10:00:00.000Z  alice  ~ actions.postAppend.mfa: "sms" -> "none"
1        2026-01-01T10:00:00.000Z  alice  added
`,
  )
  // And it can go back and be removed once more.
  t.match(await run(`tenants rollback again --yes --dir ${back}`), {
    code: 0,
    stdout: 'to go back to: version 2 by alice',
  })
  t.match(await json(`tenants remove again --confirm again --dir ${back}`), {
    removed: true,
    version: 4,
    file: { deleted: true },
  })
  t.match(
    (await run('tenants history eu-central-1_again')).stdout,
    /^again \(.*\nversion .*\n4 .* removed\n4 .* actions/,
  )
})

t.test("remove leaves another pool's file alone, and stops if the tenant changed meanwhile", async (t) => {
  await applied(t, 'moved', paused('moved'))
  unwire('moved')
  const dir = t.testdir({ 'moved.yaml': yamlOf('other', [['tenantId: other', 'tenantId: moved']]) })
  await changeWhileWriting('moved')
  const calls = stack.table.calls.length
  t.match(await run(`tenants remove moved --confirm moved --dir ${dir}`), {
    code: 1,
    stderr: 'error: moved was changed in the table meanwhile: it is version 2 by bob',
  })
  const reads = stack.table.calls.slice(calls).filter(({ operation }) => operation === 'GetItem')
  t.match(
    reads.map(({ input }) => Object(input).ConsistentRead),
    [true],
    'an older copy could say that nothing has changed',
  )
  t.match(await current('moved'), { version: 2 })
  t.match(await run(`tenants remove moved --confirm moved --dir ${dir}`), {
    code: 0,
    stdout: `${dir}/moved.yaml is not of this user pool: no file was deleted\n`,
  })
  t.same(await readdir(dir), ['moved.yaml'])
})

const rowsOf = ({ tenants }: Record<string, unknown>) => tenants as object[]

t.test('list is a table with status, alias and last change, of all or of those that a word fits', async (t) => {
  await applied(t, 'zebra', yamlOf('zebra', [['alias: t-acme', 'alias: t-zoo']]))
  const line = 'zebra   zebra-co  eu-central-1_zebra  active  t-zoo  1        2026-01-01T10:00:00.000Z  alice\n'
  for (const word of ['zebra', 'ZEBRA-CO', 'central-1_zeb', 't-zoo']) {
    const { stdout } = await run(`tenants list ${word}`)
    t.match(
      stdout,
      `tenant  customer  pool                status  alias  version  changed                   by\n${line}1 of `,
      word,
    )
  }
  const all = rowsOf(await json('tenants list'))
  const { stdout } = await run('tenants list')
  t.match(stdout, `\n${all.length} of ${all.length} tenants\n`)
  const off = rowsOf(await json('tenants list passkeys-off'))
  t.ok(off.length > 0 && off.length < all.length)
  t.match(off, Array(off.length).fill({ status: 'passkeys-off', version: Number, updatedBy: String }))
})

t.test('show prints the config as YAML, who wrote it, and the hosted ARN if the function is known', async (t) => {
  const { stdout } = await run('tenants show zebra')
  t.match(
    stdout,
    `# version 1 by alice of 2026-01-01T10:00:00.000Z\n# hosted ARN ${hostedArn('t-zoo')}\ntenantId: zebra\n`,
  )
  const { aws, ...config } = parse(yamlOf('zebra', [['alias: t-acme', 'alias: t-zoo']]))
  t.same(parse(stdout), { ...config, aws: { ...aws, externalId: '(not shown)' } })
  const unknown = await run('tenants show zebra', { env: { GATEWAY_FUNCTION_ARN: undefined } })
  t.notMatch(unknown.stdout, 'hosted ARN')
  t.match(await json('tenants show zebra'), { version: 1, updatedBy: 'alice', hostedArn: hostedArn('t-zoo') })
})
