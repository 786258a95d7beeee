import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import t from 'tap'
import { systemClock } from '../../../src/call.js'
import { createProgram } from '../../../src/commands/index.js'
import { cli, tenantYaml } from '../fixtures/cli.js'

const root = resolve('.')

interface Testdir {
  testdir(files: Record<string, string | Buffer>): string
}

/** Validates files that are given as text; the folder's name in the output becomes `tenants`. */
async function validate(test: Testdir, files: Record<string, string | Buffer>, ...options: string[]) {
  const dir = test.testdir(files)
  const run = await cli(['tenants', 'validate', dir, ...options])
  return { ...run, stdout: run.stdout.replaceAll(dir, 'tenants') }
}

/** The lines that name a place. */
function issueLines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => /^\S+:\d+:\d+ {2}/.test(line))
}

const edit = (from: string | RegExp, to: string) => tenantYaml().replace(from, to)

t.test('refuses wrong usage with exit code 2 and points to the help', async (t) => {
  const cases: [string[], string, string][] = [
    [['frobnicate'], "error: unknown command 'frobnicate'", 'corbado-gateway'],
    [['tenants', 'frobnicate'], "error: unknown command 'frobnicate'", 'corbado-gateway tenants'],
    [['tenants', 'validate', '--loud'], "error: unknown option '--loud'", 'corbado-gateway tenants validate'],
    [['tenants', 'validate', 'a', 'b'], 'error: too many arguments', 'corbado-gateway tenants validate'],
    [['tenants', 'apply', '--by'], "error: option '--by <name>' argument missing", 'corbado-gateway tenants apply'],
  ]
  for (const [argv, message, path] of cases) {
    const { code, stdout, stderr } = await cli(argv)
    t.equal(code, 2, argv.join(' '))
    t.equal(stdout, '')
    t.ok(stderr.startsWith(message), stderr)
    t.ok(stderr.endsWith(`See: ${path} --help\n`), stderr)
  }
  for (const argv of [[], ['tenants']]) {
    const { code, stderr } = await cli(argv)
    t.equal(code, 2)
    t.match(stderr, /^Usage: corbado-gateway/)
  }
})

t.test('refuses a wrong environment with exit code 2 and one line', async (t) => {
  const dir = t.testdir({ 'acme.yaml': tenantYaml() })
  const rules = await cli(['tenants', 'validate', dir], { env: { BACKEND_API_HOSTS: 'http://x' } })
  t.equal(rules.code, 2)
  t.match(rules.stderr, /^error: BACKEND_API_HOSTS must be [^\n]+\n$/)
  const apply = await cli(['tenants', 'apply', dir], { env: { AWS_REGION: 'eu-central-1' } })
  t.equal(apply.code, 2)
  t.match(apply.stderr, /^error: TENANT_TABLE is not set[^\n]+\n$/)
})

t.test('refuses a folder that is missing, is a file or holds no tenant file', async (t) => {
  const dir = t.testdir({ 'notes.txt': '', '.hidden.yaml': 'a: 1', 'folder.yaml': {}, empty: {} })
  for (const [name, message] of [
    ['nowhere', 'cannot be read (ENOENT): run this in the folder that holds it, or name another'],
    ['notes.txt', 'is a file: name the folder that holds it'],
    ['empty', 'holds no tenant file (*.yaml)'],
    ['.', 'holds no tenant file (*.yaml)'],
  ] as const) {
    const path = join(dir, name)
    const { code, stdout, stderr } = await cli(['tenants', 'validate', path])
    t.equal(code, 2)
    t.equal(stdout, '')
    t.equal(stderr, `error: ${name === 'notes.txt' ? '' : 'the folder '}${path} ${message}\n`)
  }
})

t.test('reports what one field lacks with file, line, column and name', async (t) => {
  const cases: [string, string | RegExp, string, string][] = [
    [
      'wrong value',
      'status: active',
      'status: on',
      '5:1  status  must be one of draft, active, passkeys-off, suspended',
    ],
    ['missing field', '  region: eu-central-1\n', '', '7:1  aws.region  is missing'],
    ['missing field at the top', 'customer: acme\n', '', '1:1  customer  is missing'],
    ['unknown field', 'status:', 'colour: red\nstatus:', '5:1  colour  is not a known field'],
    ['unknown field with a slash', 'projectId', 'a/b: 1\n  projectId', '13:3  corbado.a.b  is not a known field'],
    [
      'unquoted number',
      '"111122223333"',
      '011122223333',
      '8:3  aws.accountId  must be string: write it in quotes, "011122223333"',
    ],
    ['unquoted boolean', 'Acme\n', 'true\n', '3:1  displayName  must be string: write it in quotes, "true"'],
    [
      'item of a list',
      '  roleArn',
      '  replicaRegions: [eu-west-1, 7]\n  roleArn',
      '10:31  aws.replicaRegions.1  must be string: write it in quotes, "7"',
    ],
    [
      'role of another pool',
      'corbado-eu-central-1_acme',
      'corbado-eu-central-1_other',
      '10:3  aws.roleArn  must be arn:aws:iam::111122223333:role/corbado/corbado-eu-central-1_acme',
    ],
    [
      'role without external id',
      'externalId: ext-acme',
      'externalId: null',
      '11:3  aws.externalId  roleArn and externalId are both given or both null',
    ],
    [
      'no role',
      /roleArn.*\n.*ext-acme/,
      'roleArn: null\n  externalId: null',
      '10:3  aws.roleArn  may be null only if SELF_HOSTED is true',
    ],
    [
      'foreign host',
      'backendapi.cloud.corbado.io',
      'corbado.example',
      '14:3  corbado.backendApiUrl  must have a host that BACKEND_API_HOSTS allows (backendapi.cloud.corbado.io, backendapi.corbado.io)',
    ],
    ['plain http', 'https:', 'http:', '14:3  corbado.backendApiUrl  must use https'],
    [
      'parameter of another pool',
      'gateway/eu-central-1_acme',
      'gateway/eu-central-1_other',
      '15:3  corbado.credentialParameter  must be a parameter name under /corbado/gateway/eu-central-1_acme/',
    ],
    ['actions alias', 't-acme', 'actions', '6:1  alias  must not be the actions alias (actions)'],
    ['file name', 'tenantId: acme', 'tenantId: acme-shop', '1:1  tenantId  needs the file to be named acme-shop.yaml'],
  ]
  for (const [name, from, to, expected] of cases) {
    const { code, stdout } = await validate(t, { 'acme.yaml': edit(from, to) })
    t.equal(code, 1, name)
    t.same(issueLines(stdout), [`tenants/acme.yaml:${expected}`], name)
    t.ok(stdout.endsWith('\n1 issue in 1 file\n'), name)
  }
})

t.test('refuses what YAML allows and a tenant file must not hold', async (t) => {
  const cases: [string, string | Buffer, string][] = [
    [
      'broken',
      'tenantId: [acme\n',
      '2:1  is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['field given twice', `${tenantYaml()}alias: t-two\n`, '20:1  alias  is given twice'],
    [
      'alias',
      edit('customer: acme', 'customer: *x').replace('acme\n', '&x acme\n'),
      '2:1  customer  must not be an alias: write out what *x stands for',
    ],
    [
      'merge key',
      edit('aws:', 'aws:\n  <<: { region: eu-west-1 }'),
      '8:3  aws.<<  must not be a merge key: write the fields out',
    ],
    ['tag', edit('"111122223333"', '!!str 111122223333'), '8:3  aws.accountId  must have no tag'],
    ['tag on a key', edit('status', '!!str status'), '5:7  status  must have no tag'],
    ['list as a key', '? [a]\n: b\n', '1:3  must have plain text as keys'],
    [
      'second document',
      `${tenantYaml()}---\n${tenantYaml()}`,
      '20:1  must hold one document: remove the --- and what follows',
    ],
    ['empty', '', '1:1  must be object'],
    ['a list', '- acme\n', '1:1  must be object'],
    ['not UTF-8', Buffer.from('displayName: M\xfcller\n', 'latin1'), '1:1  must be UTF-8 text'],
    ['over 64 KiB', `${tenantYaml()}#${' '.repeat(64 * 1024)}`, '1:1  must not be larger than 64 KiB'],
  ]
  for (const [name, content, expected] of cases) {
    const { code, stdout } = await validate(t, { 'acme.yaml': content })
    t.equal(code, 1, name)
    t.same(issueLines(stdout), [`tenants/acme.yaml:${expected}`], name)
  }
  const deep = await validate(t, { 'acme.yaml': '['.repeat(20_000) })
  t.equal(deep.code, 1, 'nesting that no parser survives')
  t.equal(issueLines(deep.stdout).length, 10)
})

t.test('reports a file that cannot be read as an issue of that file', async (t) => {
  const dir = t.testdir({ 'acme.yaml': tenantYaml(), 'gone.yaml': t.fixture('symlink', 'nowhere') })
  const { code, stdout } = await cli(['tenants', 'validate', dir])
  t.equal(code, 1)
  t.same(issueLines(stdout), [`${dir}/gone.yaml:1:1  cannot be read (ENOENT)`])
})

t.test('refuses tenant ids and pools that two files share, naming both places', async (t) => {
  const { code, stdout } = await validate(t, {
    'acme.yaml': tenantYaml(),
    // Invalid in itself, too: nothing hides behind another issue.
    'acme.yml': edit('status: active', 'status: on'),
  })
  t.equal(code, 1)
  t.same(issueLines(stdout), [
    'tenants/acme.yml:1:1  tenantId  needs the file to be named acme.yaml',
    'tenants/acme.yml:1:1  tenantId  is already used in tenants/acme.yaml:1:1',
    'tenants/acme.yml:4:1  userPoolId  is already used in tenants/acme.yaml:4:1',
    'tenants/acme.yml:5:1  status  must be one of draft, active, passkeys-off, suspended',
  ])
})

t.test(
  'refuses an account under two customers, and an ExternalId under two accounts, whichever copied the other',
  async (t) => {
    const copied = await validate(t, {
      'acme-shop.yaml': tenantYaml('acme-shop'),
      'acme-two.yaml': tenantYaml('acme-two'),
      'mallory.yaml': tenantYaml('mallory').replace('customer: acme', 'customer: mallory'),
    })
    t.equal(copied.code, 1)
    t.same(issueLines(copied.stdout), [
      'tenants/mallory.yaml:8:3  aws.accountId  is the account of customer acme in tenants/acme-shop.yaml:8:3: an account has one customer',
    ])
    const other = tenantYaml('mallory')
      .replace('customer: acme', 'customer: mallory')
      .replaceAll('111122223333', '444455556666')
    t.same(issueLines((await validate(t, { 'acme.yaml': tenantYaml(), 'mallory.yaml': other })).stdout), [
      'tenants/mallory.yaml:11:3  aws.externalId  is the ExternalId of account 111122223333 in tenants/acme.yaml:11:3: every account has its own',
    ])
    const own = other.replace('ext-acme', 'ext-mallory')
    t.match(await validate(t, { 'acme.yaml': tenantYaml(), 'mallory.yaml': own }), {
      code: 0,
      stdout: '2 tenants are valid\n',
    })
    // A file that is wrong in other ways claims an account all the same; one without a role claims no ExternalId.
    const torn = await validate(t, { 'acme.yaml': edit('active', 'on'), 'mallory.yaml': other })
    t.equal(issueLines(torn.stdout).length, 2)
    const none = (text: string) => text.replace(/roleArn.*\n.*ext-acme/, 'roleArn: null\n  externalId: null')
    const dir = t.testdir({ 'acme.yaml': none(tenantYaml()), 'mallory.yaml': none(other) })
    t.match(await cli(['tenants', 'validate', dir], { env: { SELF_HOSTED: 'true' } }), { code: 0 })
  },
)

t.test('reports all issues of all files at once, grouped by file', async (t) => {
  const { stdout } = await validate(t, {
    'a.yaml': tenantYaml('a').replace('t-acme', 'actions').replace('https:', 'http:'),
    'b.yaml': tenantYaml('b'),
    'c.yaml': 'tenantId: *c\n',
  })
  t.equal(
    stdout,
    `tenants/a.yaml:6:1  alias  must not be the actions alias (actions)
tenants/a.yaml:14:3  corbado.backendApiUrl  must use https

tenants/c.yaml:1:1  tenantId  must not be an alias: write out what *c stands for

3 issues in 2 files
`,
  )
})

t.test('reads the four settings that the rules look at, and no other', async (t) => {
  const yaml = edit(/roleArn.*\n.*ext-acme/, 'roleArn: null\n  externalId: null')
    .replace('t-acme', 'actions')
    .replace('backendapi.cloud.corbado.io', 'api.corbado.example')
    .replace('/corbado/gateway', '/own')
  const env = {
    SELF_HOSTED: 'true',
    ACTIONS_ALIAS: 'other',
    BACKEND_API_HOSTS: '*.corbado.example',
    PARAMETER_PREFIX: '/own',
    LOG_LEVEL: 'loud',
  }
  t.match(await cli(['tenants', 'validate', t.testdir({ 'acme.yaml': yaml })], { env }), {
    code: 0,
    stdout: '1 tenant is valid\n',
    stderr: '',
  })
})

t.test('prints the result as JSON', async (t) => {
  const good = await validate(t, { 'acme.yaml': tenantYaml(), 'b.yaml': tenantYaml('b') }, '--json')
  t.equal(good.code, 0)
  t.same(JSON.parse(good.stdout), { kind: 'tenant-files', valid: true, tenants: ['acme', 'b'], issues: [] })
  const bad = await validate(
    t,
    { 'acme.yaml': tenantYaml(), 'b.yaml': tenantYaml('b').replace('pro-1', 'x') },
    '--json',
  )
  t.equal(bad.code, 1)
  t.same(JSON.parse(bad.stdout), {
    kind: 'tenant-files',
    valid: false,
    tenants: ['acme'],
    issues: [
      {
        file: 'tenants/b.yaml',
        line: 13,
        column: 3,
        field: 'corbado.projectId',
        message: 'must be a Corbado project such as pro-1234567890',
      },
    ],
  })
})

t.test('colours issues only if a terminal shows them and NO_COLOR is unset', async (t) => {
  const dir = t.testdir({ 'acme.yaml': edit('sms', 'fax') })
  const colour = '\u001b['
  const run = (env: Record<string, string>, isTTY: boolean) => cli(['tenants', 'validate', dir], { env, isTTY })
  t.ok((await run({}, true)).stdout.includes(colour))
  t.notOk((await run({ NO_COLOR: '1' }, true)).stdout.includes(colour))
  t.notOk((await run({}, false)).stdout.includes(colour))
})

t.test('the example tenants are valid and tell editors where their schema is', async (t) => {
  t.match(await cli(['tenants', 'validate', join(root, 'tenants')]), { code: 0, stdout: '3 tenants are valid\n' })
  for (const name of ['acme-shop', 'globex-bank', 'initech-portal']) {
    const text = await readFile(join(root, 'tenants', `${name}.yaml`), 'utf8')
    t.ok(text.startsWith('# yaml-language-server: $schema=./schema.json\n'), name)
  }
})

t.test('tenants/schema.json is what the code says', async (t) => {
  const { code, stdout } = await cli(['tenants', 'schema'])
  t.equal(code, 0)
  t.equal(await readFile(join(root, 'tenants/schema.json'), 'utf8'), stdout)
})

t.test('every command has help with an example, and every one that does something has --json', async (t) => {
  const check = async (command: Command, path: string[]): Promise<void> => {
    const name = ['corbado-gateway', ...path].join(' ')
    const { code, stdout } = await cli([...path, '--help'])
    t.equal(code, 0, name)
    t.match(stdout, new RegExp(`^Usage: ${name} `))
    t.match(stdout, /\nExamples?:\n {2}(?:.* \\\n {4})?.*corbado-gateway /, name)
    if (command.commands.length === 0) t.match(stdout, / --json /, name)
    for (const inner of command.commands) await check(inner, [...path, inner.name()])
  }
  const quiet = { write: () => true }
  const io = {
    stdout: quiet,
    stderr: quiet,
    env: {},
    stdin: process.stdin,
    clock: systemClock,
    built: 'dist',
    foundProblems: () => undefined,
  }
  await check(createProgram(io), [])
})

t.test('the built program runs as a process of its own, and says by its exit code what came of it', async (t) => {
  const dir = t.testdir({ 'acme.yaml': tenantYaml(), bad: { 'acme.yaml': edit('sms', 'fax') } })
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const run = async (...argv: string[]) =>
    promisify(execFile)(process.execPath, [join(root, 'dist/cli.mjs'), ...argv]).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    )
  t.match(await run('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
  t.match(await run('tenants', 'validate', dir), { code: 0, stdout: '1 tenant is valid\n', stderr: '' })
  t.match(await run('tenants', 'validate', join(dir, 'bad')), { code: 1, stderr: '' })
  t.match(await run('tenants', 'validate', '--loud'), { code: 2, stdout: '' })
})
