import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { upstreamError } from '../../src/errors.js'
import { operator as operatorPrincipal, roleArnOf } from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import { startStack } from '../../src/local/stack.js'
import { explained } from '../../src/operator/advice.js'
import { cli } from '../commands/fixtures/cli.js'

const stack = await startStack()
t.teardown(() => stack.stop())
const env = stack.envFor(operatorPrincipal)
const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...place } = env
Object.assign(process.env, place, { AWS_EC2_METADATA_DISABLED: 'true' })
for (const name of KEYS) delete process.env[name]

/** The SDK keeps the files that it read: each test has files of its own names. */
let configs = 0
type Test = { testdir(files: Record<string, string>): string }
const SERIAL = 'arn:aws:iam::999900000001:mfa/ada'

/** Runs a command with a config file of AWS and a profile. */
async function withProfile(
  t: Test,
  profile: string,
  config: string,
  options: Parameters<typeof cli>[1] = {},
  line = 'tenants list',
) {
  const name = `config-${++configs}`
  const dir = t.testdir({ [name]: config })
  const own = { AWS_CONFIG_FILE: join(dir, name), AWS_SHARED_CREDENTIALS_FILE: join(dir, 'none'), AWS_PROFILE: profile }
  Object.assign(process.env, own)
  try {
    return await cli(line.split(' '), { ...options, env: { ...place, ...own, ...options.env } })
  } finally {
    for (const key of Object.keys(own)) delete process.env[key]
  }
}

const keys = `aws_access_key_id = ${AWS_ACCESS_KEY_ID}
aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}
aws_session_token = ${AWS_SESSION_TOKEN}
`

t.test('no credentials at all are told in one line by every command, with what to do', async (t) => {
  for (const line of [
    'tenants list',
    'wire plan eu-central-1_Ab12 --arn arn:aws:lambda:eu-central-1:999900000001:function:g:t-1',
  ]) {
    const { code, stdout, stderr } = await withProfile(t, '', '', {}, line)
    t.strictSame({ code, stdout }, { code: 1, stdout: '' })
    t.equal(
      stderr,
      'error: no AWS credentials here: sign in (aws sso login, aws configure), or name a profile in AWS_PROFILE\n',
    )
  }
})

t.test('a profile that does not exist is named', async (t) => {
  t.match(await withProfile(t, 'ghost', '[profile real]\nregion = eu-central-1\n'), {
    code: 1,
    stderr:
      'error: no AWS credentials of the profile "ghost": there is no such profile, or it holds none; aws configure list-profiles',
  })
})

t.test("an SSO session that has expired is told in the SDK's own sentence, with the profile's name", async (t) => {
  const sso = `[profile work]
sso_session = corbado
sso_account_id = 999900000001
sso_role_name = operator
[sso-session corbado]
sso_start_url = https://corbado.awsapps.example/start
sso_region = eu-central-1
`
  const { code, stderr } = await withProfile(t, 'work', sso)
  t.equal(code, 1)
  t.match(stderr, /^error: no AWS credentials of the profile "work": [^\n]*aws sso login[^\n]*\n$/)
})

t.test('credentials that AWS takes for expired are told so, with the profile', async (t) => {
  const gone: Principal = { ...operatorPrincipal, arn: `${operatorPrincipal.arn}-gone` }
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(gone)
  stack.identity.revoke(gone.arn)
  const config = `[profile old]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\n`
  t.match(await withProfile(t, 'old', config), {
    code: 1,
    stderr:
      /^error: table_expired: [^\n]+: the AWS credentials of the profile "old" have expired or are not known: sign in again\n$/,
  })
})

t.test('a profile with MFA', async (t) => {
  const roleArn = roleArnOf(operatorPrincipal)
  const codes: (string | null)[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const form = new URLSearchParams(body)
    codes.push(form.get('TokenCode'))
    t.equal(form.get('SerialNumber'), SERIAL)
    const issued = stack.credentialsFor(operatorPrincipal)
    const credentials = `<AccessKeyId>${issued.accessKeyId}</AccessKeyId><SecretAccessKey>${issued.secretAccessKey}</SecretAccessKey><SessionToken>${issued.sessionToken}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`
    response.setHeader('content-type', 'text/xml')
    response.end(
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>${credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const sts = { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  const before = process.env.AWS_ENDPOINT_URL_STS
  Object.assign(process.env, sts)
  t.teardown(() => Object.assign(process.env, { AWS_ENDPOINT_URL_STS: before }))
  const config = `[profile base]\n${keys}\n[profile mfa]\nrole_arn = ${roleArn}\nsource_profile = base\nmfa_serial = ${SERIAL}\n`

  t.test('is refused where there is no terminal, with what to do', async (t) => {
    const { code, stdout, stderr } = await withProfile(t, 'mfa', config)
    t.strictSame({ code, stdout }, { code: 1, stdout: '' })
    t.match(
      stderr,
      `error: the AWS credentials of the profile "mfa" need a code of the MFA device ${SERIAL}, and there is no terminal`,
    )
    t.match(stderr, /: run this on a terminal, or export the variables of a session that has its code already\n$/)
    t.equal(codes.length, 0)
  })
  t.test('takes nothing but six digits', async (t) => {
    t.match(await withProfile(t, 'mfa', config, { isTTY: true, stdin: 'soon\n' }), {
      code: 1,
      stderr: /an MFA code has six digits: nothing was done\n$/,
    })
    t.equal(codes.length, 0)
  })
  t.test('asks for the code once on a terminal, on stderr, and goes on with it', async (t) => {
    const { code, stdout, stderr } = await withProfile(t, 'mfa', config, { isTTY: true, stdin: '123456\n' })
    t.equal(code, 0, stderr)
    t.match(stderr, `MFA code of ${SERIAL}: `)
    t.match(stdout, '0 of 0 tenants')
    t.strictSame(codes, ['123456'])
  })
})

t.test('a way to AWS that ends before it gets there is told with its cause and what to look at', async (t) => {
  const config = `[profile base]\n${keys}`
  const closed = 'http://127.0.0.1:9'
  const before = process.env.AWS_ENDPOINT_URL_DYNAMODB
  t.teardown(() => Object.assign(process.env, { AWS_ENDPOINT_URL_DYNAMODB: before }))
  process.env.AWS_ENDPOINT_URL_DYNAMODB = closed
  const list = (variables: Record<string, string | undefined>) => withProfile(t, 'base', config, { env: variables })
  const none = Object.fromEntries(
    Object.keys(place)
      .filter((name) => /^AWS_ENDPOINT_URL/.test(name))
      .map((name) => [name, undefined]),
  )
  for (const [variables, advice] of [
    [{}, 'is npm start running\\?'],
    [none, 'is npm start running\\?'],
    [
      { ...none, HTTPS_PROXY: 'http://ada:s3cret@proxy.example:3128' },
      'calls go through HTTPS_PROXY: is that right, or is the host one for NO_PROXY\\?',
    ],
  ] as const) {
    const { code, stderr } = await list(variables)
    t.equal(code, 1)
    t.match(
      stderr,
      new RegExp(
        `^error: table_unavailable: [^\\n]*ECONNREFUSED[^\\n]*\\[GW_ERR_UPSTREAM_UNAVAILABLE\\]: ${advice}\\n$`,
      ),
    )
    t.notMatch(stderr, 's3cret')
  }
})

t.test('a name that nobody resolves, and a certificate of a proxy, are told with what to do', async (t) => {
  for (const [code, advice] of [
    ['ENOTFOUND', /: is this machine online\? If its network has a proxy, set HTTPS_PROXY$/],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      /: a proxy that reads TLS has a certificate of its own: name its file in NODE_EXTRA_CA_CERTS$/,
    ],
  ] as const) {
    const cause = new Error(`getaddrinfo ${code} dynamodb.eu-central-1.amazonaws.com`)
    const fault = upstreamError('table', 'unavailable', { errorType: code }, cause)
    t.match(explained(fault, {}).message, new RegExp(`^table_unavailable: getaddrinfo ${code} `))
    t.match(explained(fault, {}).message, advice)
  }
  const refused = upstreamError('table', 'rejected', { status: 400, errorType: 'ValidationException' })
  t.equal(explained(refused, {}), refused, 'what was asked for is another matter')
})
