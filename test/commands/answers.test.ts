import type { Command } from 'commander'
import t from 'tap'
import { stringify } from 'yaml'
import { systemClock } from '../../src/call.js'
import { createProgram } from '../../src/commands/index.js'
import { customerAdmin } from '../../src/local/accounts.js'
import { putTenantRecord } from '../../src/local/world/tenants.js'
import { ANSWERS, type AnswerKind, answerSchema } from '../../src/operator/answers/index.js'
import { table } from '../fixtures/pages.js'
import { tenantFile } from '../fixtures/tenants.js'
import { answerIn } from './fixtures/answer.js'
import { startDoctor } from './fixtures/doctor.js'

const { stack, run, healthy, hosted, heal } = await startDoctor(t)
heal()
const silent = { write: () => true }
const program = createProgram({
  ...{ stdin: process.stdin, stdout: silent, stderr: silent, env: {}, built: 'dist', clock: systemClock },
  foundProblems: () => {},
})

/** Every command that does something by itself: its words, and what it is. */
function leaves(command: Command, path: readonly string[] = []): [words: string, command: Command][] {
  const own: [string, Command][] =
    path.length > 0 && (command.commands.length === 0 || command.registeredArguments.length > 0)
      ? [[path.join(' '), command]]
      : []
  return [...own, ...command.commands.flatMap((child) => leaves(child, [...path, child.name()]))]
}

const commands = leaves(program)
const kinds = Object.keys(ANSWERS) as AnswerKind[]
const printedBy = (words: string) => kinds.filter((kind) => ANSWERS[kind].by.some((by: string) => by === words))
/** The members of a kind, those that may be missing with a `?`. */
function membersOf(kind: AnswerKind): string[] {
  const { required = [] } = answerSchema(kind) as { required?: string[] }
  return Object.keys(ANSWERS[kind].members).map((name) => (required.includes(name) ? name : `${name}?`))
}

t.test('the table of answers has every kind with its commands and members, and no other', async (t) => {
  const code = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(', ')
  t.strictSame(
    table('answers').slice(1),
    kinds.slice(1).map((kind) => [code([kind]), code(ANSWERS[kind].by), code(membersOf(kind))]),
  )
  t.equal(table('answers')[0]?.[0], '`error`')
})

t.test('every command has --json, and its help says which kinds it prints and what is in them', async (t) => {
  for (const [words, command] of commands) {
    const option = command.options.find(({ long }) => long === '--json')
    const own = printedBy(words)
    t.ok(own.length > 0, `${words} has a kind`)
    const said = own.map((kind) => `{ kind: "${kind}", ${membersOf(kind).join(', ')} }`).join(' or ')
    t.equal(option?.description.replace(/^with --once: /, ''), `print ${said}`, words)
  }
  const known = commands.map(([words]) => words)
  for (const kind of kinds)
    t.strictSame(
      ANSWERS[kind].by.filter((by: string) => !known.includes(by)),
      [],
      kind,
    )
})

t.test('every command that is misused says so in one document, with exit code 2', async (t) => {
  for (const [words] of commands) {
    const { code, stdout, stderr } = await run(`${words} --no-such-option --json`)
    t.equal(code, 2, words)
    t.match(answerIn(stdout), {
      kind: 'error',
      error: { exitCode: 2, message: /unknown option '--no-such-option'|required option/ },
    })
    t.match(stderr, /^error: (unknown|required) option/, 'and to a person too')
  }
  t.match(answerIn((await run('tenants nothing --json')).stdout), { kind: 'error', error: { exitCode: 2 } })
  t.match(answerIn((await run('tenants list --json', { env: { TENANT_TABLE: '' } })).stdout), {
    kind: 'error',
    error: { exitCode: 2, code: 'GW_ERR_ENV_INVALID', message: /^TENANT_TABLE is not set/ },
  })
  const help = await run('tenants list --json --help')
  t.match(help, { code: 0, stdout: /^Usage: / })
  t.equal((await run('tenants list --no-such-option')).stdout, '', 'without --json there is none')
})

t.test('a dependency that fails is an error with its code, and after an answer a member of that', async (t) => {
  await stack.table.setFault({ kind: 'status', status: 500 })
  const { code, stdout } = await run('tenants list --json')
  await stack.table.setFault(undefined)
  t.equal(code, 1)
  t.match(answerIn(stdout), { kind: 'error', error: { exitCode: 1, code: 'GW_ERR_UPSTREAM_UNAVAILABLE' } })
  await stack.table.setFault({ kind: 'status', status: 500 }, 'PutItem')
  const dir = t.testdir({ 'acme.yaml': stringify(healthy) })
  const half = await run(`tenants apply ${dir} --yes --json`)
  await stack.table.setFault(undefined)
  t.equal(half.code, 1)
  t.match(answerIn(half.stdout), { kind: 'tenants-plan', applied: false, error: { exitCode: 1 } })
})

t.test('every answer is as its schema says', async (t) => {
  const dir = t.testdir({ 'acme.yaml': stringify({ ...healthy, status: 'draft' }) })
  const other = tenantFile({
    tenantId: 'globex',
    customer: 'globex',
    userPoolId: 'eu-central-1_Globex001',
    aws: { accountId: '444455556666', externalId: 'ext-globex' },
  })
  const own = t.testdir({})
  const { credentialsFor, cognito } = stack
  const { projectId } = healthy.corbado
  const asCustomer = async (line: string) => {
    const { accessKeyId, secretAccessKey, sessionToken } = credentialsFor(customerAdmin(healthy.aws.accountId))
    const keys = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    }
    const before = Object.fromEntries(Object.keys(keys).map((key) => [key, process.env[key]]))
    Object.assign(process.env, keys)
    try {
      return await run(line)
    } finally {
      Object.assign(process.env, before)
    }
  }
  const seen = new Set<string>()
  const answered = new Set<string>()
  /** Runs a line with --json; its answer, whose kind is one of the command's. */
  async function is(kind: AnswerKind, code: number, line: string, stdin?: string) {
    const words = commands
      .map(([path]) => path)
      .filter((path) => line === path || line.startsWith(`${path} `))
      .sort((a, b) => b.length - a.length)[0]
    const ended = await (line.startsWith('wire')
      ? asCustomer(`${line} --json`)
      : run(`${line} --json`, stdin === undefined ? {} : { stdin }))
    const answer = answerIn(ended.stdout)
    t.equal(answer.kind, kind, line)
    t.equal(ended.code, code, `${line}: ${ended.stderr}`)
    seen.add(words ?? '')
    answered.add(kind)
    return answer
  }
  const bad = t.testdir({ 'b.yaml': 'tenantId: b\n' })
  await is('tenant-files', 1, `tenants validate ${bad}`)
  await is('tenant-files', 1, `tenants apply ${bad} --yes`)
  const good = t.testdir({ 'acme.yaml': stringify({ ...healthy, status: 'draft' }) })
  await is('tenant-files', 0, `tenants validate ${good}`)
  await is('tenants-plan', 0, `tenants plan ${good}`)
  await is('tenants-plan', 2, `tenants plan ${good} --exit-code`)
  await is('tenants-plan', 0, `tenants apply ${good} --yes`)
  await is('tenants-plan', 0, `tenants plan ${good} --exit-code`)
  await is('secret', 0, `secret set acme`, `${projectId}:corbado1_acme`)
  await is('aliases-change', 0, 'aliases grant acme')
  await is('aliases-change', 0, `aliases clean ${healthy.alias}`)
  await is('aliases', 0, 'aliases list')
  await is('aliases-check', 0, 'aliases check')
  await is('doctor', 0, 'doctor acme')
  await is('doctor-changes', 0, 'doctor acme --changes')
  await is('tenant-change', 0, `tenants activate acme --dir ${good}`)
  await is('tenant-change', 0, `tenants pause acme --dir ${good}`)
  await is('tenant-change', 0, `tenants resume acme --dir ${good}`)
  await is('tenant-change', 1, `tenants suspend acme --dir ${good}`)
  await is('tenant-change', 0, `tenants suspend acme --dir ${good} --yes`)
  await is('tenant-change', 1, `tenants rollback acme --dir ${good}`)
  await is('tenant-change', 0, `tenants rollback acme --dir ${good} --yes`)
  await is('tenants-list', 0, 'tenants list')
  await is('tenant', 0, 'tenants show acme')
  await is('tenant-history', 0, 'tenants history acme')
  await is('tenant-schema', 0, 'tenants schema')
  await is('invoke-example', 0, 'invoke --example define')
  const event = JSON.stringify({
    triggerSource: 'DefineAuthChallenge_Authentication',
    region: 'eu-central-1',
    userPoolId: healthy.userPoolId,
  })
  await is('invocation', 1, 'invoke - --tenant acme', event)
  const lines = Array.from({ length: 400 }, (_, i) =>
    JSON.stringify({
      time: new Date(Date.UTC(2026, 10, 30, 2, 0, 9 * i)).toISOString(),
      tenantId: 'acme',
      trigger: 'verify-auth-challenge-response',
      ...(i < 200 ? { outcome: 'correct', reason: 'verified' } : { outcome: 'incorrect', reason: 'wrong_project' }),
      flowId: `flow-${i}`,
    }),
  ).join('\n')
  await is('lines', 0, 'logs --reason wrong_project', lines)
  await is('explanation', 1, 'explain acme', lines)
  await is('login', 1, 'explain acme --flow flow-300', lines)
  await is('report', 0, `report --out ${own}/report.html`, lines)
  const older = lines.replaceAll('2026-11-30', '2025-11-30')
  for (const [minute, code] of [
    ['00', 0],
    ['01', 1],
  ] as const)
    await is(
      'watch',
      code,
      `watch --state ${own}/watch.json --since 2025-11-30 --until 2025-11-30T03:${minute}Z`,
      older,
    )
  await is('reasons', 0, 'reasons')
  await is('reasons', 0, 'reasons secret_denied')
  await is('error', 1, 'reasons nothing-of-the-kind')
  await is('completion', 0, 'completion fish')
  await is(
    'onboarding',
    0,
    `onboard --customer globex --account 444455556666 --pool eu-central-1_Globex009 --project pro-9 --mfa sms --dir ${own} --hand-over ${own}/hand-over.md`,
  )
  await is('hand-over', 0, `onboard --again ${healthy.tenantId} --dir ${own} --hand-over ${own}/again.md`)
  await is('error', 1, `tenants remove acme --dir ${good}`)
  await is('wire-plan', 0, `wire plan ${healthy.userPoolId} --arn ${hosted}`)
  const bare = 'eu-central-1_Bare00001'
  cognito.putPool({
    userPoolId: bare,
    accountId: healthy.aws.accountId,
    region: 'eu-central-1',
    name: 'bare',
    lambdaConfig: {},
    clients: [{ clientId: 'old', preventUserExistenceErrors: true, allowCustomAuth: false }],
    aliasAttributes: [],
  })
  const wiring = `${bare} --arn ${hosted}`
  await is('wire-plan', 2, `wire plan ${wiring} --exit-code`)
  await is('wire-plan', 1, `wire apply ${wiring}`)
  await is('wire-plan', 0, `wire apply ${wiring} --yes --snapshot ${own}/before.json`)
  await is('wire-plan', 0, `wire undo ${bare} --snapshot ${own}/before.json --yes`)
  await is('wire-client', 1, `wire client ${bare} old`)
  await is('wire-client', 0, `wire client ${bare} old --yes`)
  await is('wire-client', 0, `wire client ${bare} old --undo --yes`)
  await is('error', 1, `wire client ${bare} nobody`)
  await putTenantRecord(stack, { ...other, status: 'passkeys-off' }, other.userPoolId)
  await is('tenant-removal', 1, `tenants remove globex --unchecked --dir ${dir}`)
  await is('tenant-removal', 0, `tenants remove globex --unchecked --confirm globex --dir ${dir}`)
  await is('aliases-change', 1, 'aliases revoke acme')
  await is('aliases-change', 0, 'aliases revoke acme --yes')
  await is('error', 2, 'local')
  await is('error', 2, 'local sign-in eu-central-1_Ab12')
  await is('error', 2, 'local deploy-role nothing')
  await is('error', 2, 'local fault sts')
  await is('error', 2, 'local fault list')
  await is('error', 2, 'local fault clear')
  await is('error', 2, 'local credential acme')
  await is('error', 1, 'local delete-role eu-central-1_Ab12')
  t.strictSame(
    commands.map(([words]) => words).filter((words) => !seen.has(words)),
    [],
    'every command was run',
  )
  // Those of `local` with answers of their own are held to their schemas where a stack of its own runs.
  t.strictSame(
    kinds.filter((kind) => !answered.has(kind)),
    ['local', 'local-role', 'local-faults', 'local-credential', 'local-sign-in'],
  )
})

t.test('the table of exit codes has three', async (t) => {
  t.strictSame(
    table('exit codes').map(([code]) => code),
    ['0', '1', '2'],
  )
  const plans = commands.filter(([, { options }]) => options.some(({ long }) => long === '--exit-code'))
  t.strictSame(
    plans.map(([words]) => words),
    ['tenants plan', 'wire plan'],
    'which the page names',
  )
})
