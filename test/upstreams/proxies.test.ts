import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { createCall } from '../../src/call.js'
import { parseEnv, parseProxies } from '../../src/env.js'
import {
  CALLER_SECRETS_PARAMETER,
  gateway as gatewayPrincipal,
  OPERATOR_VARIABLES,
  operator,
} from '../../src/local/accounts.js'
import { grantAlias, putTenantRecord } from '../../src/local/world/tenants.js'
import { proxyFor } from '../../src/upstreams/connections/proxy.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { startContainer } from '../fixtures/container.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { startProcess } from '../fixtures/network/process.js'
import { BEHIND, makeCertificate, startProxy, startTls } from '../fixtures/network/proxy.js'
import { startRelay } from '../fixtures/network/relay.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, ssm, sts, cognito, corbado, lambda } = stack
await startContainer(t, gateway)
const proxy = await startProxy(t)
const folder = t.testdir({})
const certificate = makeCertificate(folder)
const tls = Object.fromEntries(
  await Promise.all(
    Object.entries({ table, ssm, sts, cognito, corbado, lambda }).map(async ([name, standIn]) => {
      return [name, `https://${name}.${BEHIND}:${await startTls(t, standIn, certificate)}`]
    }),
  ),
) as Record<'table' | 'ssm' | 'sts' | 'cognito' | 'corbado' | 'lambda', string>

const file = tenantFile()
await gateway.addTenant(file)
cognito.putUser(file.userPoolId, { username: USER })
await putTenantRecord(stack, { ...file, corbado: { ...file.corbado, backendApiUrl: tls.corbado } }, file.userPoolId)

/** What a process needs that reaches everything through the proxy alone. */
const behindProxy = {
  HTTPS_PROXY: proxy.url.replace('://', '://somebody:p%40ss@'),
  NODE_EXTRA_CA_CERTS: certificate.cert,
  BACKEND_API_HOSTS: `*.${BEHIND}`,
  AWS_ENDPOINT_URL_DYNAMODB: tls.table,
  AWS_ENDPOINT_URL_SSM: tls.ssm,
  AWS_ENDPOINT_URL_STS: tls.sts,
  AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: tls.cognito,
  AWS_ENDPOINT_URL_LAMBDA: tls.lambda,
}

/** The names that were asked for, each once. */
function takeNames(): string[] {
  const names = new Set(proxy.tunnels.splice(0).map((tunnel) => tunnel.split('.')[0] ?? ''))
  const sent = new Set(proxy.authorizations.splice(0))
  t.strictSame([...sent], [`Basic ${Buffer.from('somebody:p@ss').toString('base64')}`])
  return [...names].sort()
}

t.test('settings', async (t) => {
  t.test(
    'what is no address of an HTTP proxy stops the start, and is not repeated: it may hold a password',
    async (t) => {
      for (const value of ['socks5://user:secret@proxy:1080', 'http://', 'ftp://user:secret@proxy']) {
        for (const name of ['HTTPS_PROXY', 'http_proxy']) {
          t.throws(() => parseProxies({ [name]: value }), {
            code: 'GW_ERR_ENV_INVALID',
            message: /^HTTPS?_PROXY must be the address of an HTTP proxy, but has \d+ characters of another form\.$/,
          })
        }
      }
    },
  )

  t.test('lower case counts where both are set, an empty one is unset, and a scheme may be left out', async (t) => {
    t.match(parseProxies({ HTTPS_PROXY: 'http://a', https_proxy: 'b:3128' }), { httpsProxy: 'http://b:3128' })
    t.match(parseProxies({ HTTPS_PROXY: 'http://a', https_proxy: '' }), { httpsProxy: 'http://a' })
    t.strictSame(parseProxies({}), { httpsProxy: undefined, httpProxy: undefined, noProxy: undefined })
  })

  const proxies = { httpsProxy: 'http://secure', httpProxy: 'http://plain' }
  const reached = (url: string, noProxy?: string) => {
    return proxyFor(new URL(url), {
      ...proxies,
      ...(noProxy && { noProxy: parseProxies({ NO_PROXY: noProxy }).noProxy }),
    })
  }

  t.test('this machine and its link are never reached through a proxy: credentials come from there', async (t) => {
    for (const host of [
      ...['localhost', 'a.localhost', '127.0.0.1', '127.8.9.1', '[::1]'],
      ...['169.254.169.254', '169.254.170.2', '169.254.170.23', '[fe80::1]', '[fd00:ec2::254]', '[fd00:ec2::23]'],
    ]) {
      t.equal(reached(`http://${host}/`), undefined, host)
      t.equal(reached(`https://${host}/`), undefined, host)
    }
  })

  t.test('each scheme has its own proxy', async (t) => {
    t.equal(reached('https://sts.eu-central-1.amazonaws.com'), 'http://secure')
    t.equal(reached('http://backend.example.com'), 'http://plain')
    t.equal(proxyFor(new URL('https://example.com'), { httpProxy: 'http://plain' }), undefined)
  })

  t.test('NO_PROXY names hosts with all below them, and ports', async (t) => {
    for (const [noProxy, url, direct] of [
      ['example.com', 'https://example.com', true],
      ['example.com', 'https://a.example.com', true],
      ['.example.com', 'https://a.example.com', true],
      ['*.example.com', 'https://a.b.example.com', true],
      ['EXAMPLE.com', 'https://Example.COM', true],
      ['example.com', 'https://notexample.com', false],
      ['example.com', 'https://example.com.evil.net', false],
      ['a.net example.com,b.net', 'https://example.com', true],
      ['example.com:443', 'https://example.com', true],
      ['example.com:8443', 'https://example.com', false],
      ['example.com:8443', 'https://example.com:8443', true],
      ['10.0.0.1', 'https://10.0.0.1', true],
      ['10.0.0.1', 'https://110.0.0.1', false],
      ['[fd00::1]', 'https://[fd00::1]', true],
      ['fd00::1', 'https://[fd00::1]', true],
      ['*', 'https://example.com', true],
      [' , ', 'https://example.com', false],
    ] as const) {
      t.equal(reached(url, noProxy) === undefined, direct, `${noProxy} ${url}`)
    }
  })
})

t.test('the service reaches AWS and Corbado through the proxy, and its credentials without', async (t) => {
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(gatewayPrincipal)
  const endpoint = createServer((_request, response) => {
    const Expiration = new Date(Date.now() + 3_600_000).toISOString()
    const body = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  endpoint.listen(0, '127.0.0.1')
  await once(endpoint, 'listening')
  t.teardown(() => endpoint.close().closeAllConnections())
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...inherited } = process.env
  const { post } = await startProcess(t, {
    ...inherited,
    ...behindProxy,
    ...{ CALLER_SECRETS_PARAMETER, HTTP_PROXY: proxy.url },
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`,
  })
  const { userPoolId } = file
  const define = () => post(userPoolId, 'triggers/define-auth-challenge', () => defineEvent([], {}, { userPoolId }))
  t.match(await define(), { response: { challengeName: 'CUSTOM_CHALLENGE' } })
  const preLogin = () => ({ action: 'pre-login', userPoolId, identifier: USER })
  t.match(await post(userPoolId, 'actions/pre-login', preLogin), { identifier: USER })
  const proof = async () => verifyEvent(await corbado.sign(file.corbado.projectId, USER), {}, { userPoolId })
  const verify = post(userPoolId, 'triggers/verify-auth-challenge-response', proof)
  t.match(await verify, { response: { answerCorrect: true } })
  t.strictSame(takeNames(), ['cognito', 'corbado', 'ssm', 'sts', 'table'])
})

t.test('a command does so too: the doctor', async (t) => {
  grantAlias(stack, file.alias, [file])
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, XDG_STATE_HOME: folder },
    ...stack.envFor(operator),
    ...OPERATOR_VARIABLES,
    ...behindProxy,
  }
  const child = spawn(process.execPath, ['dist/cli.mjs', 'doctor', file.tenantId, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  t.match(stdout, /"role/, stderr)
  t.notMatch(stdout + stderr, /ENOTFOUND|EAI_AGAIN/)
  t.strictSame(takeNames(), ['cognito', 'corbado', 'lambda', 'ssm', 'sts', 'table'])
})

t.test('dead connections behind a proxy cost no call, and old ones are not used', async (t) => {
  const [tableRelay, corbadoRelay] = [await startRelay(t, table), await startRelay(t, corbado)]
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://table.${BEHIND}:${tableRelay.port}`
  const upstreams = createUpstreams(parseEnv({ ...process.env, HTTP_PROXY: proxy.url }), clock)
  t.teardown(upstreams.close)
  const call = () => createCall(4_000, clock)
  const read = () => upstreams.table.fetchConfig(file.userPoolId, call())
  const authorization = `Basic ${Buffer.from(`${file.corbado.projectId}:corbado1_${file.tenantId}`).toString('base64')}`
  const verify = async () =>
    upstreams.verifySignedData(
      {
        backendApiUrl: `http://corbado.${BEHIND}:${corbadoRelay.port}`,
        authorization,
        signedPasskeyData: await corbado.sign(file.corbado.projectId, USER),
        username: USER,
      },
      call(),
    )
  for (const [name, relay, run, good] of [
    ['the table', tableRelay, read, { version: 1 }],
    ['Corbado', corbadoRelay, verify, { kind: 'result', result: 'success' }],
  ] as const) {
    t.match(await run(), good, name)
    t.match(await run(), good, 'kept')
    t.equal(relay.count, 1, name)
    clock.advance(20_001)
    t.match(await run(), good, name)
    t.equal(relay.count, 2, `${name}: a new one after 20 s`)
    await relay.close()
    t.match(await run(), good, `${name}: closed`)
  }
  tableRelay.forget()
  t.match(await read(), { version: 1 }, 'forgotten')
})
