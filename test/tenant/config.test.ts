import fc from 'fast-check'
import t from 'tap'
import { Check } from 'typebox/value'
import { parseEnv } from '../../src/env.js'
import { partitionOf } from '../../src/ids.js'
import { OTHER_TRIGGERS, TenantFile, withDefaults } from '../../src/tenant/config.js'
import { isTenantFile, parseTenantFile } from '../../src/tenant/config-rules.js'
import { tenantFile } from '../fixtures/tenants.js'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

const hosted = parseEnv({ TENANT_TABLE: 'tenants', AWS_REGION: 'eu-central-1' })
const selfHosted = { ...hosted, selfHosted: true }

const parse = (value: unknown, rules = hosted) => parseTenantFile(value, rules)
/** The places of what is wrong; none for a config that is accepted. */
const wrong = (value: unknown, rules = hosted) => {
  const parsed = parse(value, rules)
  return parsed.kind === 'valid' ? [] : parsed.issues.map(({ path }) => path)
}
const messages = (value: unknown, rules = hosted) => {
  const parsed = parse(value, rules)
  return parsed.kind === 'valid' ? [] : parsed.issues.map(({ path, message }) => `${path} ${message}`)
}

/** A file with every field there is. */
const FULL = {
  ...tenantFile({
    login: {
      ...{ flow: 'passkey', maxAttempts: 3, clientIds: ['web1', 'app1'] },
      claim: { name: 'corbado', clientIds: ['web1'] },
    },
    actions: {
      preLogin: {
        identifierAttribute: 'email',
        acceptAttributeMatch: false,
        unknownUser: 'report',
        texts: { userNotFound: 'No account.', untyped: 'Not now.' },
      },
      postAppend: { mfa: 'sms' },
      postLogin: { clientId: 'web1', clientSecretParameter: '/corbado/gateway/eu-central-1_Acme00001/client' },
    },
    triggers: Object.fromEntries(OTHER_TRIGGERS.map((name) => [name, 'pass-through' as const])),
    limits: { verifyPerSecond: 100, listUsersPerSecond: 10, concurrentCalls: 16 },
    aws: { replicaRegions: ['eu-west-1'] },
  }),
} as unknown as JsonObject

/** A copy with another value at a place written like `aws.region`; `undefined` takes the field away. */
function put(place: string, value: Json | undefined, base: JsonObject = FULL): JsonObject {
  const copy = structuredClone(base)
  const names = place.split('.')
  const last = names.pop() ?? ''
  let at = copy
  for (const name of names) {
    at[name] ??= {}
    at = at[name] as JsonObject
  }
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy
}

const pointer = (place: string) => `/${place.replaceAll('.', '/')}`
const long = (length: number) => 'a'.repeat(length)

/** What each field refuses, and what it accepts at the very edge. */
const FIELDS: Record<string, { readonly refused: readonly Json[]; readonly accepted: readonly Json[] }> = {
  tenantId: {
    refused: [
      '',
      'Acme',
      'acme_shop',
      '-acme',
      'acme-',
      'acme--shop',
      'ac me',
      'äcme',
      'acme\n',
      long(65),
      1,
      null,
      [],
    ],
    accepted: ['a', '1', 'acme-shop-2', long(64)],
  },
  customer: { refused: ['', 'Acme', 'a_b', long(65), 1, null], accepted: ['a', 'acme-2', long(64)] },
  displayName: {
    refused: ['', long(101), 7, null, {}, 'A\nB', 'A\r', '\tA'],
    accepted: ['A', 'Äcme GmbH & Co. <KG>', '東京 🏦', long(100)],
  },
  status: {
    refused: ['', 'Active', 'off', 'passkeys_off', null, true],
    accepted: ['draft', 'active', 'passkeys-off', 'suspended'],
  },
  alias: {
    refused: ['', '1', '42', 'a b', 'a.b', 'a:b', '$LATEST', 't-acme\n', long(129), null, 3, hosted.actionsAlias],
    accepted: ['a', 't-acme', '1a', 'T_ACME', long(128)],
  },
  'aws.region': {
    refused: [
      '',
      'eu-central',
      'eusca-de-east-1',
      '-de-east-1',
      'EU-CENTRAL-1',
      'eu-central-10',
      'eu_central_1',
      'eu-central-1 ',
      'eu-central-1\n',
      1,
      null,
    ],
    accepted: ['eu-central-1', 'us-gov-west-1', 'ap-southeast-4', 'eusc-de-east-1', 'us-iso-east-1', 'us-isob-east-1'],
  },
  'aws.replicaRegions': {
    refused: ['eu-west-1', ['nowhere'], [''], [null], [['eu-west-1']], null, {}],
    accepted: [[], ['eu-west-1'], ['eu-west-1', 'us-east-1']],
  },
  'aws.externalId': {
    refused: ['', 'a', 'a b', 'a;b', 'äb', 'ab\n', long(1_225), 12, null],
    accepted: ['ab', 'a+b=c,d.e@f:g/h-i_j', long(1_224)],
  },
  'corbado.projectId': {
    refused: ['', 'pro-', 'pro-12a', 'PRO-12', '12', ' pro-12', 'pro-12\n', 12, null],
    accepted: ['pro-1', 'pro-00112233445566778899'],
  },
  'corbado.credentialScheme': { refused: ['', 'Basic', 'digest', null], accepted: ['basic', 'bearer'] },
  'login.flow': {
    refused: ['', 'password', 'passkey-then-password', null],
    accepted: ['passkey', 'password-then-passkey'],
  },
  'login.maxAttempts': { refused: [0, 11, -1, 1.5, '3', null, true], accepted: [1, 10] },
  'actions.preLogin.identifierAttribute': {
    refused: ['', 'username', 'sub', 'custom:id', 'email" or "', null],
    accepted: ['email', 'phone_number', 'preferred_username'],
  },
  'actions.preLogin.acceptAttributeMatch': { refused: ['true', 1, null], accepted: [true, false] },
  'actions.preLogin.unknownUser': { refused: ['', 'hide', true, null], accepted: ['report', 'silent'] },
  'actions.preLogin.texts.userNotFound': { refused: ['', long(501), 1, null], accepted: ['x', long(500)] },
  'actions.preLogin.texts.untyped': { refused: ['', long(501), 1, null], accepted: ['x', long(500)] },
  'login.clientIds': {
    refused: [[], ['web1', 'web1'], ['web1', 'a b'], ['web1', ''], ['web1', long(129)], 'web1'],
    accepted: [['web1'], ['web1', long(128)], ['web1', 'a_b+C']],
  },
  'login.claim.name': {
    refused: ['', 'a b', '1a', long(129), 'amr', 'acr', 'sub', 'email', 'scope', 'cognito:groups', 'custom:a', 'dev:a'],
    accepted: ['a', long(128), 'corbado:login', 'https://corbado.com/login', 'amr2'],
  },
  'login.claim.clientIds': {
    refused: [[], ['web1', 'web1'], ['other1'], ['a b']],
    accepted: [['web1'], ['app1', 'web1']],
  },
  'actions.postLogin.clientId': { refused: ['', 'a b', long(129), 'other1', 1], accepted: ['web1', 'app1'] },
  'actions.postLogin.clientSecretParameter': {
    refused: [
      '',
      'client',
      '/corbado/gateway/eu-central-1_Acme00001/',
      '/corbado/gateway/eu-central-1_Other0001/client',
      '/corbado/gateway/eu-central-1_Acme00001/backend-api',
    ],
    accepted: ['/corbado/gateway/eu-central-1_Acme00001/a/b.c-d_e'],
  },
  'actions.postAppend.mfa': {
    refused: ['', 'SMS', 'totp', 'sms_mfa', null, false],
    accepted: ['sms', 'email', 'software-token', 'none'],
  },
  'limits.verifyPerSecond': { refused: [0, -1, 10_001, 1.5, '100', null], accepted: [1, 10_000] },
  'limits.listUsersPerSecond': { refused: [0, -1, 26, 2.5, '10', null], accepted: [1, 25] },
  'limits.concurrentCalls': { refused: [0, -1, 257, 1.5, '16', null], accepted: [1, 16, 256] },
  ...Object.fromEntries(
    OTHER_TRIGGERS.map((name) => [
      `triggers.${name}`,
      {
        refused: ['', 'chain', 'off', true, null, 'arn:aws:lambda:eu-central-1:1:function:f'],
        accepted: ['pass-through'],
      },
    ]),
  ),
}

t.test('refuses, at its own place and nowhere else, every value that a field cannot have', async (t) => {
  for (const [place, { refused }] of Object.entries(FIELDS)) {
    for (const value of refused) {
      const places = wrong(put(place, value))
      t.ok(
        places.length > 0 && places.every((path) => path.startsWith(pointer(place))),
        `${place}: ${JSON.stringify(value).slice(0, 60)}`,
        {
          places,
        },
      )
    }
  }
})

t.test('refuses a name with characters that are not seen, or that break a line', (t) => {
  for (const code of [0x0, 0x1b, 0x7f, 0x85, 0xad, 0x200b, 0x202e, 0x2028, 0x2029, 0xd800, 0xe000, 0xfeff]) {
    const displayName = `Acme${String.fromCharCode(code)}`
    t.strictSame(messages(tenantFile({ displayName })), ['/displayName must be one line without control characters'])
  }
  t.end()
})

t.test('accepts what a field can have, up to its edges', async (t) => {
  for (const [place, { accepted }] of Object.entries(FIELDS)) {
    for (const value of accepted) {
      // The pool's id then names a replica.
      const region = place === 'aws.region' ? put('aws.replicaRegions', ['eu-central-1']) : FULL
      // And post-login has no password.
      const base = place === 'login.flow' ? put('actions.postLogin', undefined) : region
      t.strictSame(messages(put(place, value, base)), [], `${place}: ${JSON.stringify(value).slice(0, 60)}`)
    }
  }
})

t.test('refuses a field that is missing, and says so', async (t) => {
  const required = [
    'tenantId',
    'customer',
    'displayName',
    'userPoolId',
    'status',
    'alias',
    'aws',
    'aws.accountId',
    'aws.region',
    'aws.roleArn',
    'aws.externalId',
    'corbado',
    'corbado.projectId',
    'corbado.backendApiUrl',
    'corbado.credentialParameter',
    'corbado.credentialScheme',
    'actions',
    'actions.postAppend',
    'actions.postAppend.mfa',
  ]
  for (const place of required) t.strictSame(messages(put(place, undefined)), [`${pointer(place)} is missing`])
})

t.test('everything else may be left out', async (t) => {
  const optional = [
    'login',
    'login.flow',
    'login.maxAttempts',
    'login.clientIds',
    'login.claim',
    'actions.postLogin',
    'actions.postLogin.clientSecretParameter',
    'triggers',
    'limits',
    'limits.verifyPerSecond',
    'limits.listUsersPerSecond',
    'limits.concurrentCalls',
    'aws.replicaRegions',
    'actions.preLogin',
    'actions.preLogin.texts',
    'actions.preLogin.texts.untyped',
    'actions.preLogin.unknownUser',
    ...OTHER_TRIGGERS.map((name) => `triggers.${name}`),
  ]
  for (const place of optional) t.strictSame(messages(put(place, undefined)), [], place)
})

t.test('refuses a key that it does not know, wherever it stands', async (t) => {
  for (const at of [
    '',
    'aws',
    'corbado',
    'login',
    'actions',
    'actions.preLogin',
    'actions.preLogin.texts',
    'actions.postAppend',
    'actions.postLogin',
    'login.claim',
    'triggers',
    'limits',
  ]) {
    for (const key of ['unknown', 'constructor', 'toString']) {
      const place = at === '' ? key : `${at}.${key}`
      t.strictSame(messages(put(place, 'x')), [`${pointer(place)} is not a known field`])
    }
    const copy = JSON.stringify(put(at === '' ? 'MARK' : `${at}.MARK`, 'x')).replace('"MARK"', '"__proto__"')
    t.strictSame(wrong(JSON.parse(copy)), [`${at === '' ? '' : pointer(at)}/__proto__`], `${at}: __proto__`)
  }
})

t.test('refuses a slip in a trigger name', async (t) => {
  const names = ['preSignup', 'PreSignUp', 'pre-sign-up', 'preTokenGenerationV2', 'tokenGeneration']
  for (const name of names) {
    t.strictSame(messages(put(`triggers.${name}`, 'pass-through')), [`/triggers/${name} is not a known field`])
  }
  const passwordFirst = put('login.flow', 'password-then-passkey')
  t.strictSame(wrong(passwordFirst), ['/actions/postLogin'], 'post-login has no password')
  t.strictSame(wrong(put('actions.postLogin', undefined, passwordFirst)), [])
})

t.test('refuses to pass a sender through, since every message would be lost, and says why', async (t) => {
  for (const name of ['customEmailSender', 'customSMSSender', 'customSmsSender']) {
    for (const value of [
      'pass-through',
      'chain',
      { chain: 'arn:aws:lambda:eu-central-1:111122223333:function:f' },
    ] as Json[]) {
      const [message, ...more] = messages(put(`triggers.${name}`, value))
      const isName = name !== 'customSmsSender'
      t.match(
        message,
        isName
          ? /^\/triggers\/\w+(\/\w+)? (must be \{ mode: chain|is )/
          : /is not a known field: write customEmailSender or customSMSSender/,
      )
      t.notMatch(more, 'pass-through')
    }
  }
})

t.test('refuses a pool id that Cognito could not give', async (t) => {
  const withPool = (userPoolId: string) => tenantFile({ userPoolId })
  for (const id of [
    '',
    'eu-central-1',
    'eu-central-1_',
    '_Ab',
    'eu central-1_Ab',
    'eu-central-1_A-b',
    'eu-central-1_Ab/c',
    'eu-central-1_Ab\n',
    '../eu_A',
  ]) {
    t.ok(wrong(withPool(id)).includes('/userPoolId'), JSON.stringify(id))
  }
  const edge = `eu-central-1_${long(42)}`
  t.equal(edge.length, 55)
  t.strictSame(messages(withPool(edge)), [])
  t.ok(wrong(withPool(`${edge}a`)).includes('/userPoolId'))
})

t.test('refuses an account id that is none: YAML eats the leading zeros of one without quotes', async (t) => {
  for (const accountId of [
    '',
    '11112222333',
    '1111222233334',
    '11112222333a',
    ' 11112222333',
    111122223333,
  ] as string[]) {
    t.ok(wrong(tenantFile({ aws: { accountId } })).includes('/aws/accountId'), String(accountId))
  }
  t.strictSame(messages(tenantFile({ aws: { accountId: '000000000001' } })), [])
})

t.test("refuses every role but the one of this pool in this pool's account", async (t) => {
  const account = '111122223333'
  const pool = 'eu-central-1_Acme00001'
  const roles = [
    `arn:aws:iam::999900000001:role/corbado/corbado-${pool}`,
    `arn:aws:iam::${account}:role/corbado/corbado-eu-central-1_Other0001`,
    `arn:aws:iam::${account}:role/corbado-${pool}`,
    `arn:aws:iam::${account}:role/corbado/corbado-${pool}x`,
    `arn:aws:iam::${account}:role/corbado/x/corbado-${pool}`,
    `arn:aws:iam::${account}:user/corbado/corbado-${pool}`,
    `arn:aws:sts::${account}:assumed-role/corbado/corbado-${pool}`,
    `arn:aws-xx:iam::${account}:role/corbado/corbado-${pool}`,
    ` arn:aws:iam::${account}:role/corbado/corbado-${pool}`,
    `arn:aws:iam::${account}:role/corbado/corbado-${pool}\n`,
    '',
    '*',
  ]
  for (const roleArn of roles) {
    t.strictSame(
      messages(tenantFile({ aws: { roleArn } })),
      [`/aws/roleArn must be arn:aws:iam::${account}:role/corbado/corbado-${pool}`],
      roleArn,
    )
  }
  for (const partition of [
    'aws',
    'aws-cn',
    'aws-us-gov',
    'aws-eusc',
    'aws-iso',
    'aws-iso-b',
    'aws-iso-e',
    'aws-iso-f',
  ]) {
    const roleArn = `arn:${partition}:iam::${account}:role/corbado/corbado-${pool}`
    t.strictSame(messages(tenantFile({ aws: { roleArn } })), [], roleArn)
  }
  for (const partition of ['aws-', 'aws-xx', 'aws-iso-', 'gcp', '']) {
    const roleArn = `arn:${partition}:iam::${account}:role/corbado/corbado-${pool}`
    t.equal(messages(tenantFile({ aws: { roleArn } })).length, 1, roleArn)
  }
})

t.test('a region and its partition, in every partition of AWS', async (t) => {
  for (const [region, partition] of Object.entries({
    'eu-central-1': 'aws',
    'us-east-1': 'aws',
    'mx-central-1': 'aws',
    'us-gov-east-1': 'aws-us-gov',
    'cn-northwest-1': 'aws-cn',
    'eusc-de-east-1': 'aws-eusc',
    'us-iso-east-1': 'aws-iso',
    'us-isob-east-1': 'aws-iso-b',
    'eu-isoe-west-1': 'aws-iso-e',
    'us-isof-south-1': 'aws-iso-f',
  })) {
    t.equal(partitionOf(region), partition)
    t.equal(parseEnv({ TENANT_TABLE: 'tenants', AWS_REGION: region }).awsRegion, region)
    const account = tenantFile().aws.accountId
    const userPoolId = `${region}_Ab12Cd34E`
    const expected = `arn:${partition}:iam::${account}:role/corbado/corbado-${userPoolId}`
    const aws = { accountId: account, region, externalId: tenantFile().aws.externalId }
    const file = { ...tenantFile(), userPoolId, aws: { ...aws, roleArn: expected } }
    const told = { ...file, aws: { ...aws, roleArn: 'x' } }
    const prefix = `/corbado/gateway/${userPoolId}/backend-api`
    const corbado = { ...file.corbado, credentialParameter: prefix }
    t.strictSame(messages({ ...file, corbado } as unknown as TenantFile), [], region)
    const connectTokens = { clientIds: ['web1'], origins: ['https://app.acme.example'], types: ['passkey-append'] }
    t.strictSame(
      messages({ ...file, corbado, connectTokens } as unknown as TenantFile),
      partition === 'aws' || partition === 'aws-us-gov'
        ? []
        : [
            `/connectTokens must be left out: ID tokens of pools in ${partition} cannot be checked, only those in aws and aws-us-gov`,
          ],
      `${region}: connect tokens only where ID tokens can be checked`,
    )
    t.strictSame(messages({ ...told, corbado } as unknown as TenantFile), [`/aws/roleArn must be ${expected}`])
  }
})

t.test('the region in a pool id is the one that the config names, or one of its replicas, in lower case', async (t) => {
  const at = (userPoolId: string, region: string, replicaRegions?: string[]) =>
    messages(tenantFile({ userPoolId, aws: { region, ...(replicaRegions && { replicaRegions }) } }))
  t.strictSame(at('us-east-1_N0rthw1nd', 'eu-central-1'), [
    '/userPoolId must begin with eu-central-1_, since aws.region is eu-central-1, but it is of us-east-1: one of the two is wrong',
  ])
  t.strictSame(at('us-east-1_N0rthw1nd', 'eu-central-1', ['eu-west-1']), [
    '/userPoolId must begin with eu-central-1_ or eu-west-1_, since aws.region is eu-central-1, but it is of us-east-1: one of the two is wrong',
  ])
  t.strictSame(at('Eu-Central-1_Abc', 'eu-central-1'), [
    '/userPoolId must be written eu-central-1_Abc: Cognito knows no Eu-Central-1_Abc',
  ])
  t.strictSame(at('us-east-1_Abc', 'us-east-1'), [])
  t.strictSame(at('us-east-1_Abc', 'eu-central-1', ['us-east-1']), [])
})

t.test('role and ExternalId are both null or both given, and null only if the process is self-hosted', async (t) => {
  const none = tenantFile({ aws: { roleArn: null, externalId: null } })
  const noRole = tenantFile({ aws: { roleArn: null } })
  const noExternalId = tenantFile({ aws: { externalId: null } })
  t.strictSame(messages(none), ['/aws/roleArn may be null only if SELF_HOSTED is true'])
  for (const rules of [hosted, selfHosted]) {
    t.strictSame(wrong(noRole, rules), ['/aws/externalId'])
    t.strictSame(wrong(noExternalId, rules), ['/aws/externalId'])
  }
  t.strictSame(messages(none, selfHosted), [])
  t.strictSame(messages(tenantFile(), selfHosted), [], 'a self-hosted process may have roles too')
})

t.test('refuses a parameter that does not lie under the prefix and this very pool', async (t) => {
  const own = '/corbado/gateway/eu-central-1_Acme00001/'
  const names = [
    '',
    own,
    own.slice(0, -1),
    'corbado/gateway/eu-central-1_Acme00001/backend-api',
    '/corbado/gateway/eu-central-1_Other0001/backend-api',
    '/corbado/gateway/eu-central-1_Acme00001x/backend-api',
    '/corbado/gateway/backend-api',
    '/other/eu-central-1_Acme00001/backend-api',
    `/x${own}backend-api`,
    `${own}/backend-api`,
    `${own}backend-api/`,
    `${own}back end`,
    `${own}backend-api\n`,
    `${own}backend-api:3`,
    `arn:aws:ssm:eu-central-1:999900000001:parameter${own}backend-api`,
  ]
  for (const credentialParameter of names) {
    t.strictSame(
      messages(tenantFile({ corbado: { credentialParameter } })),
      [`/corbado/credentialParameter must be a parameter name under ${own}`],
      JSON.stringify(credentialParameter),
    )
  }
  for (const name of ['backend-api', 'a', 'a/b.c_d-e']) {
    t.strictSame(messages(tenantFile({ corbado: { credentialParameter: `${own}${name}` } })), [])
  }
  const elsewhere = { ...hosted, parameterPrefix: '/elsewhere' }
  t.strictSame(wrong(tenantFile(), elsewhere), ['/corbado/credentialParameter'], 'the prefix is a setting')
})

const withUrl = (backendApiUrl: string) => tenantFile({ corbado: { backendApiUrl } })

t.test('refuses an address to which a proof must not be sent', async (t) => {
  const addresses = [
    '',
    'backendapi.cloud.corbado.io',
    '//backendapi.cloud.corbado.io',
    'https://',
    'ftp://backendapi.cloud.corbado.io',
    'javascript:alert(1)',
    'http://backendapi.cloud.corbado.io',
    'https://evil.example',
    'https://backendapi.cloud.corbado.io.evil.example',
    'https://evil.example/backendapi.cloud.corbado.io',
    'https://xbackendapi.cloud.corbado.io',
    'https://x.backendapi.cloud.corbado.io',
    'https://backendapi.cloud.corbado.io.',
    'https://backendapi.cloud.corbado.io@evil.example',
    'https://evil.example\\@backendapi.cloud.corbado.io',
    'https://user@backendapi.cloud.corbado.io',
    'https://user:password@backendapi.cloud.corbado.io',
    'https://backendapi.cloud.corbado.io?to=evil.example',
    'https://backendapi.cloud.corbado.io/?to',
    'https://backendapi.cloud.corbado.io#x',
    'https://127.0.0.1',
    'https://localhost',
    'https://169.254.169.254',
    'http://169.254.169.254',
  ]
  for (const address of addresses) t.strictSame(wrong(withUrl(address)), ['/corbado/backendApiUrl'], address)
})

t.test('refuses an address that is not written as it will be sent to', async (t) => {
  const addresses = [
    'https://backendapi.cloud.corbado.io?',
    'https://backendapi.cloud.corbado.io#',
    ' https://backendapi.cloud.corbado.io',
    'https://backendapi.cloud.corbado.io ',
    'https://backendapi.cloud.corbado.io\n',
    'https://backendapi.cloud\t.corbado.io',
    'https:backendapi.cloud.corbado.io',
    'https:\\\\backendapi.cloud.corbado.io',
  ]
  for (const address of addresses)
    t.strictSame(wrong(withUrl(address)), ['/corbado/backendApiUrl'], JSON.stringify(address))
})

t.test("accepts Corbado's documented hosts, any port and a path", async (t) => {
  for (const host of ['backendapi.cloud.corbado.io', 'backendapi.corbado.io']) {
    for (const rest of ['', '/', ':443', ':8443/base/']) {
      t.strictSame(messages(withUrl(`https://${host}${rest}`)), [])
    }
  }
  t.strictSame(messages(withUrl('https://BackendAPI.Cloud.Corbado.IO')), [])
})

t.test('in the allow-list a star stands for exactly one label', async (t) => {
  const rules = { ...hosted, backendApiHosts: ['*.cloud.example.com', 'localhost', '127.0.0.1', '[::1]'] }
  const accepted = [
    'https://a.cloud.example.com',
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'https://localhost',
  ]
  for (const address of accepted) t.strictSame(messages(withUrl(address), rules), [], address)
  const refused = [
    'https://cloud.example.com',
    'https://a.b.cloud.example.com',
    'https://acloud.example.com',
    'https://backendapi.cloud.corbado.io',
    'http://a.cloud.example.com',
    'http://localhost.a.cloud.example.com',
  ]
  for (const address of refused) t.strictSame(wrong(withUrl(address), rules), ['/corbado/backendApiUrl'], address)
})

t.test('plain http is for loopback alone, even if the allow-list names the host', async (t) => {
  const rules = { ...hosted, backendApiHosts: ['*', '*.*', '*.*.*.*'] }
  for (const host of ['intranet', '10.0.0.1', '127.0.0.1.nip', '128.0.0.1', 'localhost.evil']) {
    t.strictSame(messages(withUrl(`http://${host}`), rules), ['/corbado/backendApiUrl must use https'], host)
  }
  for (const host of ['localhost', '127.0.0.1', '127.8.9.10'])
    t.strictSame(messages(withUrl(`http://${host}`), rules), [], host)
})

t.test("refuses the actions alias as a tenant's", async (t) => {
  const rules = { ...hosted, actionsAlias: 't-acme' }
  t.strictSame(messages(tenantFile(), rules), ['/alias must not be the actions alias (t-acme)'])
  t.strictSame(messages(tenantFile({ alias: hosted.actionsAlias }), rules), [], 'another process, another name')
})

t.test('refuses what is no object at all, without a word about its content', async (t) => {
  for (const value of [
    undefined,
    null,
    true,
    0,
    'text',
    [],
    [tenantFile()],
    () => undefined,
    Symbol('x'),
    1n,
    new Date(),
  ]) {
    t.ok(wrong(value).length > 0, typeof value)
  }
})

t.test('reports everything that it finds at once, one issue a place', async (t) => {
  const file = put('status', 'off', put('corbado.projectId', 'x', put('aws.region', undefined, put('aws.extra', 1))))
  t.strictSame(wrong(file).sort(), ['/aws/extra', '/aws/region', '/corbado/projectId', '/status'])
  const spanning = tenantFile({
    alias: hosted.actionsAlias,
    aws: { roleArn: 'arn:aws:iam::111122223333:role/x' },
    corbado: { backendApiUrl: 'https://evil.example', credentialParameter: '/x' },
  })
  t.strictSame(wrong(spanning).sort(), [
    '/alias',
    '/aws/roleArn',
    '/corbado/backendApiUrl',
    '/corbado/credentialParameter',
  ])
})

t.test('changes nothing in what it accepts', async (t) => {
  const before = structuredClone(FULL)
  const parsed = parse(FULL)
  t.equal(parsed.kind === 'valid' && parsed.file, FULL)
  t.strictSame(FULL, before)
})

t.test('a config with the fewest fields gets the documented defaults', async (t) => {
  const file = tenantFile({ actions: { postAppend: { mfa: 'none' } } })
  t.strictSame(messages(file), [])
  const { login, actions, limits, aws } = withDefaults(file)
  t.strictSame(login, { flow: 'passkey', maxAttempts: 3 })
  t.strictSame(limits, { verifyPerSecond: 100, listUsersPerSecond: 10, concurrentCalls: 16 })
  t.strictSame(aws.replicaRegions, [])
  t.match(actions, {
    preLogin: { identifierAttribute: 'email', acceptAttributeMatch: false, unknownUser: 'report' },
    postAppend: { mfa: 'none' },
  })
  const { texts } = actions.preLogin
  for (const text of [texts.userNotFound, texts.untyped]) t.ok(text.length > 0)
})

t.test('a default never takes the place of what the file says', async (t) => {
  const file = put('limits.listUsersPerSecond', 1, put('login.maxAttempts', 1)) as unknown as TenantFile
  const full = withDefaults(file)
  t.strictSame(full.login, { ...file.login, maxAttempts: 1 })
  t.strictSame(full.limits, { verifyPerSecond: 100, listUsersPerSecond: 1, concurrentCalls: 16 })
  t.strictSame(full.aws, file.aws)
  t.strictSame(full.actions, file.actions)
  const partly = put('actions.preLogin.texts.userNotFound', undefined) as unknown as TenantFile
  t.equal(withDefaults(partly).actions.preLogin.texts.untyped, 'Not now.')
  t.not(withDefaults(partly).actions.preLogin.texts.userNotFound, '')
})

t.test('no JSON whatever makes it throw, and what it refuses it gives a reason for', async (t) => {
  const property = fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
    const parsed = parse(value)
    return parsed.kind === 'invalid' && parsed.issues.length > 0
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

/** A valid file with some of its fields replaced by anything or taken away, and some added. */
const mutated = fc
  .array(
    fc.record({
      place: fc.oneof(
        fc.constantFrom(
          ...Object.keys(FIELDS),
          'userPoolId',
          'aws',
          'corbado',
          'actions',
          'triggers',
          'aws.accountId',
          'aws.roleArn',
          'corbado.backendApiUrl',
          'corbado.credentialParameter',
        ),
        fc
          .tuple(fc.constantFrom('aws', 'corbado', 'login', 'limits', 'triggers'), fc.string())
          .map(([at, key]) => `${at}.${key}`),
      ),
      value: fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(undefined, null, '', {}, [])),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((changes) => {
    let file: JsonObject = FULL
    for (const { place, value } of changes) {
      try {
        file = put(place, value as Json, file)
      } catch {
        // An earlier change left nothing to put this one into.
      }
    }
    return file
  })

t.test('no near miss of a config makes it throw, and a refusal always names a place', async (t) => {
  const property = fc.property(mutated, (file) => {
    const parsed = parse(file)
    return parsed.kind === 'valid' || parsed.issues.every(({ path, message }) => path.length > 0 && message.length > 0)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1_000 }))
})

t.test('the form of a config is the same question once the schema is compiled', async (t) => {
  const property = fc.property(fc.oneof(mutated, fc.jsonValue()), (value) => {
    return isTenantFile(value) === Check(TenantFile, value)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }))
  t.equal(isTenantFile(FULL), true)
})

const poolId = fc
  .tuple(fc.constantFrom('eu-central-1', 'us-east-1'), fc.stringMatching(/^[0-9a-zA-Z]{1,9}$/))
  .map(([region, rest]) => `${region}_${rest}`)
const accountId = fc.stringMatching(/^\d{12}$/)
const owner = fc.record({ userPoolId: poolId, accountId })
const facts = ({ userPoolId, accountId }: { userPoolId: string; accountId: string }) =>
  tenantFile({ userPoolId, aws: { accountId, region: userPoolId.split('_')[0] ?? '' } })

t.test("never accepts another tenant's role, parameter or host, whichever the two are", async (t) => {
  const evil = fc.webUrl({ validSchemes: ['https', 'http'] })
  const property = fc.property(owner, owner, evil, (mine, theirs, address) => {
    fc.pre(mine.userPoolId !== theirs.userPoolId)
    const [own, other] = [facts(mine), facts(theirs)]
    if (wrong(own).length > 0) return false
    const role = { ...own, aws: { ...own.aws, roleArn: other.aws.roleArn } }
    const parameter = { ...own, corbado: { ...own.corbado, credentialParameter: other.corbado.credentialParameter } }
    const host = { ...own, corbado: { ...own.corbado, backendApiUrl: address } }
    return wrong(role).length > 0 && wrong(parameter).length > 0 && wrong(host).length > 0
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
})

t.test('whatever it accepts binds role, parameter and host to the pool that it names', async (t) => {
  const property = fc.property(mutated, owner, (file, { userPoolId, accountId }) => {
    for (const candidate of [file, put('userPoolId', userPoolId, file), put('aws.accountId', accountId, FULL)]) {
      const parsed = parse(candidate)
      if (parsed.kind === 'invalid') continue
      const { userPoolId: pool, aws, corbado } = parsed.file
      const bound =
        aws.roleArn === `arn:aws:iam::${aws.accountId}:role/corbado/corbado-${pool}` &&
        corbado.credentialParameter.startsWith(`/corbado/gateway/${pool}/`) &&
        hosted.backendApiHosts.includes(new URL(corbado.backendApiUrl).hostname)
      if (!bound) return false
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

t.test('refuses decoys without a key for their names, and takes them with one', (t) => {
  const decoy = put('actions.preLogin.unknownUser', 'decoy')
  t.match(messages(decoy), [
    /^\/actions\/preLogin\/unknownUser must not be decoy, as PSEUDONYM_KEY_PARAMETER is not set/,
  ])
  t.equal(parseTenantFile(decoy, { ...hosted, pseudonymKeyParameter: '/corbado/gateway/pseudonyms' }).kind, 'valid')
  t.end()
})
