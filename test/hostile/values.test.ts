import fc from 'fast-check'
import t from 'tap'
import { ERRORS } from '../../src/errors.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { findTrigger } from '../../src/triggers/index.js'
import { startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const POOL = 'eu-central-1_Acme00001'
const gateway = await startGateway(t)
await gateway.addTenant(tenantFile({ limits: { listUsersPerSecond: 25 } }))
const container = await startContainer(t, gateway)
const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => rejections.push(reason))

type Content = Record<string, unknown>
const good = await gateway.stack.corbado.sign('pro-1001', 'nobody')
const contents: readonly Content[] = [
  defineEvent([{ challengeName: 'CUSTOM_CHALLENGE', challengeResult: false, challengeMetadata: OWN }]),
  createEvent(),
  verifyEvent(good, { privateChallengeParameters: { cognitoID: 'ada', nonce: 'n' } }),
  triggerEvent('PreSignUp_SignUp'),
  { action: 'pre-login', userPoolId: POOL, identifier: 'nobody@acme.example' },
  { action: 'post-append', userPoolId: POOL, username: 'nobody' },
]
const pathOf = (content: Content) =>
  'action' in content
    ? `/v1/pools/${POOL}/actions/${content.action}`
    : `/v1/pools/${POOL}/triggers/${findTrigger(String(content.triggerSource))?.name}`

const statusOf = new Map<string, number>(ERRORS.map(({ code, statusCode }) => [code, statusCode]))
const PUBLIC = /^[A-Z][\w ,'-]*(: [^\n]{1,300})?\. \(ref [\w-]+\)$/

const SEARCHES_MS = 400

/** Sends a text as it stands through both doors. What is wrong with the answers, and whether somebody was let in. */
async function tryText(content: Content, text: string): Promise<{ wrong: string[]; granted: boolean }> {
  // Places for more searches than are made here, or one would wait for its place in a time that stands still.
  gateway.clock.advance(SEARCHES_MS)
  const wrong: string[] = []
  const answers: unknown[] = []
  const judge = (door: string, { statusCode, body }: { statusCode: number; body: Content }) => {
    answers.push(body)
    if (statusCode === 200) return
    const known = statusOf.get(String(body.code)) === statusCode && statusCode < 500
    if (!known) wrong.push(`${door}: ${statusCode} ${JSON.stringify(body)}`)
  }
  judge('container', await container.post(pathOf(content), text))
  judge('envelope', await container.post(pathOf(content), `{"remainingMs":4000,"event":${text}}`))
  const parsed = jsonOf(text)
  // Lambda hands over what is JSON, and nothing else.
  if (typeof parsed === 'object' && parsed !== null) {
    if ('action' in content) {
      const answer = await gateway.handler(parsed, contextOf('actions')).catch((error: Error) => error)
      if (!(answer instanceof Error)) judge('lambda', answer as { statusCode: number; body: Content })
      else if (!PUBLIC.test(answer.message)) wrong.push(`lambda: ${answer.message}`)
    } else {
      const answer = await gateway.handler(parsed, contextOf('t-acme')).catch((error: Error) => error)
      answers.push(answer instanceof Error ? {} : (answer as { response?: unknown }).response)
      if (answer instanceof Error && !PUBLIC.test(answer.message)) wrong.push(`lambda: ${answer.message}`)
    }
  }
  const granted = answers.some((answer) => {
    const { response = answer } = (answer ?? {}) as { response?: unknown }
    return /"(answerCorrect|issueTokens)":true/.test(JSON.stringify(response ?? {}))
  })
  return { wrong, granted }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const contextOf = (alias: string) => ({
  awsRequestId: 'an-id',
  invokedFunctionArn: hostedArn(alias),
  getRemainingTimeInMillis: () => 6_000,
})

/** The text of an object with one more member at its beginning, or its end: of several with one name, the last one counts. */
const before = (content: Content, member: string) => JSON.stringify(content).replace('{', `{${member},`)
const after = (content: Content, member: string) => JSON.stringify(content).replace(/\}$/, `,${member}}`)

const ODD = [
  ...['1e400', '-1e400', '-0', '1e-400', '123456789012345678901234567890', '0.1e1', '""', '"\\u0000"', '"\\ud83d"'],
  ...[
    'null',
    'true',
    '[]',
    '{}',
    '[[]]',
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
  ],
  ...[
    '"\\u200b"',
    '"\\ufeffx"',
    '"Ｐｒｅ"',
    '"e\\u0301"',
    '"\\u202e\\u2066"',
    '"../../x"',
    '"$(x)"',
    '"\\r\\nx: y"',
    '"%00"',
  ],
]
const LARGE = [...[`"${'a'.repeat(100_000)}"`, `"${'\\ud83d\\ude00'.repeat(5_000)}"`, `[${'0,'.repeat(50_000)}0]`]]
const NAMES = [
  ...['userPoolId', 'triggerSource', 'region', 'userName', 'request', 'response', 'callerContext', 'version', 'action'],
  ...['identifier', 'username', 'event', 'remainingMs', 'invokedFunctionArn', '__proto__', 'constructor', 'toString'],
  ...['hasOwnProperty', 'toJSON', 'then', 'statusCode', 'body', 'requestContext', 'isBase64Encoded', ''],
]

t.test(
  'no odd value in any place, once or twice, is a fault, lets anybody in, or changes an object of ours',
  async (t) => {
    for (const [row, content] of contents.entries()) {
      for (const [column, name] of NAMES.entries()) {
        // A ninth of the values at each place: all of them at some place of each content, and at each place of some content.
        const values = [...ODD.filter((_, i) => (i + row + column) % 9 === 0), ...(column % 9 === row ? LARGE : [])]
        const wrong: string[] = []
        for (const [i, value] of values.entries()) {
          const member = `${JSON.stringify(name)}:${value}`
          const put = (i + column) % 2 === 0 ? before : after
          const result = await tryText(content, put(content, member))
          wrong.push(...result.wrong, ...(result.granted ? [`${member} let somebody in`] : []))
        }
        t.strictSame(wrong, [], `${content.triggerSource ?? content.action}, ${name}`)
      }
    }
    t.equal(({} as { polluted?: unknown }).polluted, undefined)
  },
)

t.test('a name that only looks like another is another', async (t) => {
  const lookalikes = [
    'eu-central-1_Acme００００１',
    'еu-central-1_Acme00001',
    `${POOL}\u200b`,
    ` ${POOL}`,
    `${POOL}\n`,
    `${POOL}\0`,
  ]
  for (const userPoolId of [...lookalikes, POOL.toUpperCase(), POOL.toLowerCase()]) {
    const event = defineEvent([], {}, { userPoolId })
    const answer = await container.post(
      `/v1/pools/${encodeURIComponent(userPoolId)}/triggers/define-auth-challenge`,
      event,
    )
    t.match(answer, { statusCode: 404, body: { code: 'GW_ERR_TENANT_UNKNOWN' } }, JSON.stringify(userPoolId))
    await t.rejects(gateway.trigger(event, { arn: hostedArn('t-acme') }), { message: PUBLIC })
  }
  for (const action of [
    'Pre-Login',
    'pre\u2010login',
    'pre-login ',
    'pre-login\0',
    '__proto__',
    '../triggers/x',
    'ｐre-login',
  ]) {
    const answer = await gateway.action({ action, userPoolId: POOL, identifier: 'x' })
    t.match(answer, { statusCode: 404 }, action)
  }
})

const base64 = (value: string | object) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const claims = {
  iss: 'pro-1001',
  exp: Math.floor(gateway.clock.now() / 1_000) + 300,
  webauthnId: 'ada',
  username: 'ada',
}
const jwt = (header: string | object, payload: string | object, signature = 'eA') =>
  `${base64(header)}.${base64(payload)}.${signature}`
const RS256 = { alg: 'RS256', typ: 'JWT' }
const [head = '', body = '', signed = ''] = good.split('.')

t.test('no text that is like a proof lets anybody in, or is a fault', async (t) => {
  const answers: Record<string, unknown> = {
    'no algorithm': jwt({ alg: 'none' }, claims, ''),
    'no algorithm, in other letters': jwt({ alg: 'nOnE' }, claims, ''),
    'a symmetric algorithm': jwt({ alg: 'HS256' }, claims),
    'a key of its own': jwt(
      { ...RS256, jwk: { kty: 'oct', k: 'eA' }, jku: 'http://127.0.0.1:1', x5u: 'http://127.0.0.1:1' },
      claims,
    ),
    'a key from a path': jwt({ ...RS256, kid: '../../dev/null' }, claims),
    'critical extensions': jwt({ ...RS256, crit: ['exp'], b64: false }, claims),
    'another in it': jwt({ ...RS256, cty: 'JWT' }, good),
    'a list': jwt(RS256, '[1]'),
    'a text': jwt(RS256, '"x"'),
    null: jwt(RS256, 'null'),
    'a number too large': jwt(RS256, '{"iss":"pro-1001","exp":1e400}'),
    'a date that is a text': jwt(RS256, { ...claims, exp: '99999999999' }),
    'a date before time': jwt(RS256, { ...claims, exp: -1 }),
    'a date that is a list': jwt(RS256, { ...claims, exp: [claims.exp] }),
    'an issuer that is a list': jwt(RS256, { ...claims, iss: ['pro-1001', 'pro-2002'] }),
    'an issuer and more': jwt(RS256, { ...claims, iss: 'pro-1001\n' }),
    'an issuer twice': jwt(RS256, '{"iss":"pro-1001","iss":"pro-2002"}'),
    'an issuer that is a property': jwt(RS256, '{"__proto__":{"iss":"pro-1001"}}'),
    'claims of 12 KB': jwt(RS256, { ...claims, more: 'x'.repeat(12_000) }),
    'claims of 100 KB': jwt(RS256, { ...claims, more: 'x'.repeat(100_000) }),
    'claims nested deeply': jwt(RS256, `${'['.repeat(5_000)}${']'.repeat(5_000)}`),
    'claims that are no UTF-8': `${base64(RS256)}.${Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('base64url')}.eA`,
    'a part too few': `${head}.${body}`,
    'a part too many': `${good}.x`,
    'five parts': `${head}..${body}.x.y`,
    'dots alone': '....',
    'space around it': ` ${good}\n`,
    'space in it': good.replace('.', ' .'),
    padding: `${head}==.${body}==.${signed}==`,
    'another alphabet': good.replaceAll('-', '+').replaceAll('_', '/').concat('='),
    'NUL at its end': `${good}\0`,
    'in quotes': `"${good}"`,
    'with a prefix': `Bearer ${good}`,
    'a list with it': [good],
    'an object with it': { signedPasskeyData: good, toString: good },
    'a number': 0,
    'an emoji': '😀.😀.😀',
  }
  for (const [what, challengeAnswer] of Object.entries(answers)) {
    const request = { privateChallengeParameters: { cognitoID: 'ada', nonce: what } }
    const event = verifyEvent(challengeAnswer, request)
    const { wrong, granted } = await tryText(event, JSON.stringify(event))
    t.strictSame({ wrong, granted }, { wrong: [], granted: false }, what)
  }
  const told = new Set(
    gateway.lines.filter(({ trigger }) => /^verify/.test(String(trigger))).map(({ reason }) => reason),
  )
  for (const reason of ['malformed_answer', 'invalid_signature', 'wrong_project', 'expired'])
    t.ok(told.has(reason), reason)
})

t.test('an envelope is one as a forwarder sends it, or refused', async (t) => {
  const event = JSON.stringify(defineEvent([]))
  const arn = hostedArn('t-acme')
  const refused = [
    ...['null', '[]', '"x"', '7', `[${event}]`, `"${POOL}"`, '{}'].map((one) => `{"event":${one}}`),
    ...['-1', '"4000"', 'null', '[]', '{}', 'true', '1e400'].map((one) => `{"event":${event},"remainingMs":${one}}`),
    ...[
      '""',
      'null',
      '7',
      '[]',
      '"x"',
      `"${arn}\\n"`,
      `"${arn}:x"`,
      `"${arn} "`,
      `"${arn.replace('lambda', 's3')}"`,
    ].map((one) => `{"event":${event},"invokedFunctionArn":${one}}`),
    `{"event":{"event":${event}}}`,
    `{"event":${event},"event":7}`,
    `{"event":${event},"event":{"event":${event}}}`,
    `{"EVENT":${event}}`,
    `{"__proto__":{"event":${event}}}`,
    `{"event":{"__proto__":${event}}}`,
  ]
  const path = `/v1/pools/${POOL}/triggers/define-auth-challenge`
  for (const text of refused) {
    const { statusCode, body } = await container.post(path, text)
    t.ok(statusCode >= 400 && statusCode < 500, `${statusCode} ${text.replace(event, 'EVENT').slice(0, 80)}`)
    t.equal(statusOf.get(String(body.code)), statusCode)
  }
  const foreign = hostedArn('t-other')
  for (const one of [foreign, hostedArn('actions'), arn.replace(/:t-acme$/, ''), arn.replace('t-acme', '$LATEST')]) {
    t.match(await container.post(path, `{"event":${event},"invokedFunctionArn":"${one}"}`), { statusCode: 403 }, one)
  }
  for (const text of [
    `{"event":7,"event":${event}}`,
    `{"remainingMs":0,"event":${event}}`,
    `{"remainingMs":1e308,"event":${event}}`,
  ]) {
    t.match(await container.post(path, text), { statusCode: 200 })
  }
})

t.test('no JSON of any form in the place of an event or a payload is a fault or lets anybody in', async (_t) => {
  const member = fc.tuple(
    fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 6 })),
    fc.oneof(fc.constantFrom(...ODD), fc.json({ maxDepth: 4, stringUnit: 'binary' })),
    fc.boolean(),
  )
  const property = fc.asyncProperty(
    fc.constantFrom(...contents),
    fc.array(member, { minLength: 1, maxLength: 4 }),
    async (content, members) => {
      let text = JSON.stringify(content)
      for (const [name, value, first] of members) {
        const one = `${JSON.stringify(name)}:${value}`
        text = first ? text.replace('{', () => `{${one},`) : text.replace(/\}$/, () => `,${one}}`)
      }
      const { wrong, granted } = await tryText(content, text)
      if (granted || wrong.length > 0) throw new Error(`${granted} ${wrong.join(', ')}`)
    },
  )
  await fc.assert(property, { numRuns: 120, seed: 20_261_129 })
})

t.test('after all of it nothing was a bug, and the doors serve', async (t) => {
  const bugs = [...gateway.lines, ...container.lines].filter(({ reason }) => reason === 'internal')
  t.strictSame(bugs, [])
  t.strictSame(rejections, [])
  const [define = {}] = contents
  t.match(await container.post(pathOf(define), define), { statusCode: 200 })
  t.ok(await gateway.trigger(define))
})
