import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { customerAdmin } from '../../src/local/accounts.js'
import { putTenantRecord } from '../../src/local/world/tenants.js'
import { stayOnLoopback } from '../fixtures/loopback.js'
import { cli } from './fixtures/cli.js'
import { client, startDoctor } from './fixtures/doctor.js'

const strangers = stayOnLoopback(t)
const { stack, env, healthy, hosted, heal, poolWith } = await startDoctor(t)
const { tenantId, userPoolId } = healthy
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = stack.envFor(
  customerAdmin(healthy.aws.accountId),
)
const owner = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }

/** At the beginning of a line, it would be believed to be ours. */
const FORGED = 'all checks passed'
const hostile = fc
  .array(
    fc.constantFrom(
      '\u001b[2J',
      '\u001b]0;title\u0007',
      '\u009b31m',
      '\u202e',
      '\u2066',
      '\u2028',
      '\u007f',
      '\r',
      '\b',
      '\u200b',
      `\n${FORGED}`,
      `\r\n${FORGED}`,
      '"',
      "'",
      'x',
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join(''))
/** None of it may be in what is printed, but for colours, which a terminal is sent. */
const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060\ufeff]/u

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
const colour = /\u001b\[\d+m/g

/** Everything that others can write, with the text in it. */
async function plant(text: string, dir: string) {
  heal()
  const name = `users${text}`
  poolWith({
    name,
    clients: [{ ...client, allowCustomAuth: false, clientName: `app${text}` }],
    settings: { UserPoolTags: { terraform: `yes${text}`, [`managed-by${text}`]: 'x' }, MfaConfiguration: 'OFF' },
  })
  await putTenantRecord(stack, healthy, userPoolId, 2)
  const odd = { tenantId: `odd${text}`, customer: text, status: text, alias: text, [`key${text}`]: text }
  await putTenantRecord(stack, odd, `eu-central-1_Odd000001`)
  await putTenantRecord(stack, odd, `pool${text}`)
  await putRecord({ record: 'v1', version: 1, updatedAt: `then${text}`, updatedBy: `eve${text}`, config: odd })
  stack.deploy(async () => ({}), [healthy.alias])
  stack.lambda.putPolicy(hosted, {
    Version: '2012-10-17',
    Statement: [
      { Sid: `sid${text}`, Effect: 'Allow', Principal: { Service: `svc${text}` }, Action: text, Resource: hosted },
    ],
  })
  await writeFile(
    join(dir, 'acme.yaml'),
    stringify({ ...healthy, [`key${text}`]: text, displayName: text, alias: text }),
  )
  await writeFile(
    join(dir, 'event.json'),
    JSON.stringify({ triggerSource: `PreSignUp_${text}`, userPoolId, request: {}, response: {}, region: text }),
  )
  await writeFile(join(dir, `file${text.replaceAll('/', '')}.json`), '')
}

async function putRecord(fields: object) {
  Object.assign(process.env, env)
  const { DynamoDBClient, PutItemCommand } = await import('@aws-sdk/client-dynamodb')
  const { marshall } = await import('@aws-sdk/util-dynamodb')
  const table = new DynamoDBClient({ endpoint: stack.table.url, region: 'eu-central-1' })
  await table.send(new PutItemCommand({ TableName: stack.table.tableName, Item: marshall({ userPoolId, ...fields }) }))
  table.destroy()
}

const wire = ['wire', 'plan', userPoolId, '--arn', hosted.replace('t-acme', 't-other')]
/** Command lines over all that others can write: what is read of the table, of AWS, of files and of words that were typed. */
const commandLines = (text: string, dir: string): (readonly string[])[] => [
  ['tenants', 'list'],
  ['tenants', 'list', text],
  ['tenants', 'show', tenantId],
  ['tenants', 'show', 'eu-central-1_Odd000001'],
  ['tenants', 'history', tenantId],
  ['tenants', 'history', text],
  ['tenants', 'rollback', tenantId],
  ['tenants', 'rollback', tenantId, '--to', text],
  ['tenants', 'pause', tenantId, '--by', text, '--dir', `${dir}/${text}`],
  ['tenants', 'remove', tenantId, '--by', text],
  ['tenants', 'validate', dir],
  ['tenants', 'validate', `${dir}/${text}`],
  ['tenants', 'plan', dir],
  ['tenants', 'apply', dir, '--by', text],
  ['secret', 'set', text],
  ['doctor', tenantId],
  ['doctor', '--all'],
  ['doctor', '--all', '--changes'],
  ['doctor', tenantId, '--changes', '--state', join(dir, `file${text.replaceAll('/', '')}.json`)],
  ['aliases', 'list'],
  ['aliases', 'check'],
  ['aliases', 'grant', tenantId],
  ['aliases', 'revoke', tenantId],
  ['aliases', 'revoke', userPoolId, '--alias', text],
  ['invoke', join(dir, 'event.json')],
  ['invoke', join(dir, text)],
  ['onboard', text, '--pool', text],
  wire,
  [...wire, '--as', 'terraform'],
  [...wire, '--as', 'cloudformation'],
  ['wire', 'undo', userPoolId, '--snapshot', join(dir, text)],
  [text],
  ['tenants', text],
]

async function holds(t: { fail(message: string): unknown }, argv: readonly string[], text: string): Promise<string> {
  let all = ''
  Object.assign(process.env, argv[0] === 'wire' ? owner : env)
  for (const isTTY of [false, true]) {
    // `--json` prints no words for people.
    for (const more of isTTY ? [] : [[], ['--json']]) {
      const run = await cli([...argv, ...more], { env, isTTY })
      const printed = run.stdout + run.stderr
      all += printed
      const what = JSON.stringify({ argv: [...argv, ...more], text })
      const seen = (isTTY ? printed.replaceAll(colour, '') : printed).replaceAll(/[\n\t]/g, '')
      if (obeyed.test(seen)) t.fail(`a terminal would obey: ${what}: ${JSON.stringify(printed)}`)
      if (printed.split('\n').some((line) => line.startsWith(FORGED))) t.fail(`a forged line: ${what}: ${printed}`)
      if (/^\s+at \S+ \(/m.test(printed)) t.fail(`a stack: ${what}: ${printed}`)
      if (more.includes('--json') && run.stdout !== '') JSON.parse(run.stdout)
    }
  }
  return all
}

t.test('nothing that others write reaches the terminal raw or as a line of its own, through any command', async (t) => {
  const dir = t.testdir({})
  const texts = fc.sample(hostile, { numRuns: 2 })
  const first = `\u001b[2J\u202e\n${FORGED}`
  const silent: string[] = []
  for (const text of [first, ...texts]) {
    await plant(text, dir)
    for (const argv of commandLines(text, dir)) {
      const printed = await holds(t, argv, text)
      if (text === first && !printed.includes('\\u001b[2J')) silent.push(argv.slice(0, 2).join(' '))
    }
  }
  t.ok(silent.length < 13, `the text came to all but ${silent}`)
  t.strictSame(strangers, [])
})

t.test('the words of AWS are cleaned too', async (t) => {
  for (const text of fc.sample(hostile, 2)) {
    const server = createServer((request, response) => {
      request.resume()
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(JSON.stringify({ __type: 'OddException', message: `no${text}` }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const names = Object.keys(process.env).filter((name) => name.startsWith('AWS_ENDPOINT_URL'))
    const before = Object.fromEntries(names.map((name) => [name, process.env[name]]))
    for (const name of names) process.env[name] = url
    for (const argv of [['tenants', 'list'], ['aliases', 'list'], wire]) await holds(t, argv, text)
    Object.assign(process.env, before)
    server.closeAllConnections()
    server.close()
  }
})

t.test(
  'a pipe or a device in the place of a file is named with its cause by every command that reads one',
  async (t) => {
    const dir = t.testdir({ tenants: {} })
    execFileSync('mkfifo', [join(dir, 'pipe'), join(dir, 'tenants', 'acme.yaml')])
    await putTenantRecord(stack, healthy, userPoolId, 5)
    Object.assign(process.env, env)
    const cause = 'cannot be read: it is no regular file'
    for (const file of [join(dir, 'pipe'), '/dev/zero']) {
      for (const argv of [
        ['invoke', file],
        ['wire', 'undo', userPoolId, '--snapshot', file],
        ['doctor', tenantId, '--changes', '--state', file],
      ]) {
        const { code, stdout, stderr } = await cli(argv, { env })
        t.match(stderr, `error: ${file} ${cause}`, argv.join(' '))
        t.ok(code > 0 && stdout === '')
      }
    }
    const folder = join(dir, 'tenants')
    for (const verb of ['validate', 'plan', 'apply']) {
      const { code, stdout } = await cli(['tenants', verb, folder], { env })
      t.equal(code, 1)
      t.match(stdout, `${folder}/acme.yaml:1:1  ${cause}\n`)
    }
    const suspended = await cli(['tenants', 'suspend', tenantId, '--yes', '--dir', folder], { env })
    t.match(suspended, { code: 1, stdout: `${folder}/acme.yaml was left as it is: it ${cause}\n` })
    t.strictSame(strangers, [])
  },
)
