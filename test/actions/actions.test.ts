import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { attributeFilter } from '../../src/ids.js'
import type { Fault } from '../../src/local/aws/server.js'
import { parseFilter } from '../../src/local/cognito/admin.js'
import type { NewUser } from '../../src/local/cognito/index.js'
import { hostedArn, type TenantSetup } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const gateway = await startGateway(t)
const { stack, clock } = gateway

type Changes = Parameters<typeof tenantFile>[0]
type PreLogin = NonNullable<TenantFile['actions']['preLogin']>
type Mfa = TenantFile['actions']['postAppend']['mfa']

const TEXTS = { userNotFound: 'Nobody here by that name.', untyped: 'Please use your password.' }
/** If no tenant could be found, no tenant's words can be used. */
const GENERAL = 'Sign-in with a passkey is not available right now.'
const wanted = (preLogin: PreLogin = {}, mfa: Mfa = 'sms') => ({
  actions: { preLogin: { texts: TEXTS, ...preLogin }, postAppend: { mfa } },
})

/** A tenant with a pool and credentials of its own, so that no test meets another's limits or failures. */
let tenants = 0
async function newTenant(users: NewUser[], changes: Changes = wanted(), setup: Partial<TenantSetup> = {}) {
  tenants += 1
  const file = tenantFile({
    userPoolId: `eu-central-1_Action${tenants}`,
    tenantId: `action-${tenants}`,
    alias: `t-action-${tenants}`,
    aws: { externalId: `external-${tenants}` },
    ...changes,
  })
  await gateway.addTenant(file, setup)
  for (const user of users) stack.cognito.putUser(file.userPoolId, user)
  return file
}

interface Done {
  readonly statusCode: number
  readonly body: Record<string, unknown>
  readonly line: Line
  /** Operations that Cognito saw, in their order. */
  readonly operations: readonly string[]
}

async function act(payload: object, remainingMs?: number): Promise<Done> {
  const before = stack.cognito.calls.length
  gateway.take()
  const { statusCode, body } = await gateway.action(payload, remainingMs === undefined ? {} : { remainingMs })
  const [line, ...more] = gateway.take()
  assert(line && more.length === 0, 'one line')
  return { statusCode, body, line, operations: stack.cognito.calls.slice(before).map(({ operation }) => operation) }
}

const preLogin = ({ userPoolId }: TenantFile, identifier: unknown, remainingMs?: number) =>
  act({ action: 'pre-login', userPoolId, identifier }, remainingMs)
const postAppend = ({ userPoolId }: TenantFile, username: unknown, remainingMs?: number) =>
  act({ action: 'post-append', userPoolId, username }, remainingMs)

const found = (identifier: string) => ({ identifier })
const refusal = (error: object) => ({ identifier: '', error })
const silent = (code: string) => refusal({ return: false, code })
const untyped = refusal({ return: true, code: 'untyped', message: TEXTS.untyped })
const notFound = refusal({ return: true, code: 'user_not_found', message: TEXTS.userNotFound })

/* ------------------------------------------------------------------------------------------------------------------ *
 * pre-login
 * ------------------------------------------------------------------------------------------------------------------ */

t.test('pre-login refuses an identifier that no user can have, without a call', async (t) => {
  const file = await newTenant([])
  const silentFile = await newTenant([], wanted({ unknownUser: 'silent' }))
  const bad = [
    '',
    '   ',
    '\t\n',
    'a b',
    'a\u0000b',
    'a\nb',
    '\u200b',
    'x'.repeat(129),
    ` ${'x'.repeat(129)}`,
    'a\u2028b',
  ]
  for (const identifier of bad) {
    const done = await preLogin(file, identifier)
    t.strictSame(done.body, notFound, encodeURIComponent(identifier))
    t.strictSame({ status: done.statusCode, operations: done.operations }, { status: 200, operations: [] })
    t.strictSame((await preLogin(silentFile, identifier)).body, silent('user_not_found'))
  }
  t.strictSame(
    (await preLogin(file, 'x'.repeat(128))).operations,
    ['AdminGetUser', 'ListUsers'],
    '128 characters are asked for',
  )
})

t.test('pre-login answers by the status of the user whom Cognito knows by the identifier', async (t) => {
  const rows: [status: string, enabled: boolean, body: object, reason: string | undefined][] = [
    ['CONFIRMED', true, found('u-0'), undefined],
    ['CONFIRMED', false, silent('account_disabled'), 'account_disabled'],
    ['FORCE_CHANGE_PASSWORD', true, silent('force_change_password'), 'force_change_password'],
    ['FORCE_CHANGE_PASSWORD', false, silent('force_change_password'), 'force_change_password'],
    ['RESET_REQUIRED', true, refusal({ return: true, code: 'reset_required', payload: '' }), 'reset_required'],
    ...['UNCONFIRMED', 'EXTERNAL_PROVIDER', 'COMPROMISED', 'ARCHIVED', 'UNKNOWN', 'SOMETHING_NEW', 'confirmed'].map(
      (status): [string, boolean, object, string] => [status, true, untyped, 'user_status_unhandled'],
    ),
  ]
  const file = await newTenant(rows.map(([status, enabled], i) => ({ username: `u-${i}`, status, enabled })))
  for (const [i, [status, enabled, body, reason]] of rows.entries()) {
    const done = await preLogin(file, `u-${i}`)
    t.strictSame({ status: done.statusCode, body: done.body }, { status: 200, body }, `${status}, enabled ${enabled}`)
    t.strictSame(done.operations, ['AdminGetUser'], 'one call')
    t.match(done.line, { msg: 'action', action: 'pre-login', outcome: reason ? 'refused' : 'found', level: 'info' })
    t.equal(done.line.reason, reason)
  }
})

t.test('pre-login finds a user by an alias of the pool, trims, and answers with the canonical name', async (t) => {
  const ada = {
    username: 'u-ada',
    attributes: { email: 'Ada@Acme.example', email_verified: 'true', sub: 'sub-of-ada' },
  }
  const eve = { username: 'u-eve', attributes: { email: 'eve@acme.example', email_verified: 'false' } }
  const file = await newTenant([ada, eve], wanted(), { aliasAttributes: ['email'] })
  for (const typed of ['ada@acme.example', '  ADA@acme.example\n', 'U-ADA', 'sub-of-ada']) {
    const { body, operations } = await preLogin(file, typed)
    t.strictSame({ body, operations }, { body: found('u-ada'), operations: ['AdminGetUser'] }, typed)
  }
  t.strictSame((await preLogin(file, 'eve@acme.example')).body, untyped, 'an address that is not verified is no alias')
})

t.test('pre-login looks for an unknown name in one attribute, and says so only as the tenant wants', async (t) => {
  const attributes = { email: 'ada@acme.example', phone_number: '+491701', preferred_username: 'Countess' }
  const users = (more: Partial<NewUser> = {}) => [{ username: 'u-ada', attributes, ...more }]
  const cases: [string, PreLogin, NewUser[], string, object, string | undefined][] = [
    ['nobody', {}, users(), 'bob@acme.example', notFound, 'user_not_found'],
    [
      'nobody, silently',
      { unknownUser: 'silent' },
      users(),
      'bob@acme.example',
      silent('user_not_found'),
      'user_not_found',
    ],
    ['one, CONFIRMED', {}, users(), 'ada@acme.example', untyped, 'attribute_match_only'],
    ['one, accepted', { acceptAttributeMatch: true }, users(), 'ada@acme.example', found('u-ada'), undefined],
    ['one in another case', { acceptAttributeMatch: true }, users(), 'ADA@Acme.Example', found('u-ada'), undefined],
    [
      'one with a temporary password',
      { acceptAttributeMatch: true },
      users({ status: 'FORCE_CHANGE_PASSWORD' }),
      'ada@acme.example',
      silent('force_change_password'),
      'force_change_password',
    ],
    [
      'one, temporary, not accepted',
      {},
      users({ status: 'FORCE_CHANGE_PASSWORD' }),
      'ada@acme.example',
      silent('force_change_password'),
      'force_change_password',
    ],
    ...['UNCONFIRMED', 'RESET_REQUIRED', 'EXTERNAL_PROVIDER', 'ARCHIVED'].map(
      (status): [string, PreLogin, NewUser[], string, object, string] => [
        `one, ${status}`,
        { acceptAttributeMatch: true },
        users({ status }),
        'ada@acme.example',
        untyped,
        'user_status_unhandled',
      ],
    ),
    [
      'one, disabled',
      { acceptAttributeMatch: true },
      users({ enabled: false }),
      'ada@acme.example',
      untyped,
      'user_status_unhandled',
    ],
    [
      'two, even if one could not sign in',
      { acceptAttributeMatch: true },
      [...users(), { username: 'u-eve', attributes, enabled: false, status: 'UNCONFIRMED' }],
      'ada@acme.example',
      untyped,
      'ambiguous_identifier',
    ],
    [
      'two with temporary passwords',
      {},
      [
        ...users({ status: 'FORCE_CHANGE_PASSWORD' }),
        { username: 'u-eve', attributes, status: 'FORCE_CHANGE_PASSWORD' },
      ],
      'ada@acme.example',
      untyped,
      'ambiguous_identifier',
    ],
    [
      'two in different cases',
      { acceptAttributeMatch: true },
      [...users(), { username: 'u-eve', attributes: { email: 'ADA@ACME.EXAMPLE' } }],
      'ada@acme.example',
      untyped,
      'ambiguous_identifier',
    ],
    [
      'a phone number',
      { identifierAttribute: 'phone_number', acceptAttributeMatch: true },
      users(),
      '+491701',
      found('u-ada'),
      undefined,
    ],
    [
      'an address instead of a number',
      { identifierAttribute: 'phone_number', acceptAttributeMatch: true },
      users(),
      'ada@acme.example',
      notFound,
      'user_not_found',
    ],
    [
      'a preferred name',
      { identifierAttribute: 'preferred_username', acceptAttributeMatch: true },
      users(),
      'countess',
      found('u-ada'),
      undefined,
    ],
  ]
  for (const [name, config, given, typed, body, reason] of cases) {
    const file = await newTenant(given, wanted(config))
    const done = await preLogin(file, typed)
    t.strictSame({ body: done.body, status: done.statusCode }, { body, status: 200 }, name)
    t.strictSame(done.operations, ['AdminGetUser', 'ListUsers'], 'two calls')
    t.equal(done.line.reason, reason)
  }
})

t.test('pre-login compares again what Cognito lists: numbers with their case, the rest without', async (t) => {
  const users = [{ username: 'u-1', attributes: { phone_number: '+49EXT', email: 'Straße@acme.example' } }]
  const byNumber = await newTenant(users, wanted({ identifierAttribute: 'phone_number', acceptAttributeMatch: true }))
  t.strictSame(
    (await preLogin(byNumber, '+49ext')).body,
    notFound,
    'the stand-in lists it, the gateway does not take it',
  )
  t.strictSame((await preLogin(byNumber, '+49EXT')).body, found('u-1'))
  const byMail = await newTenant(users, wanted({ acceptAttributeMatch: true }))
  t.strictSame((await preLogin(byMail, 'STRASSE@acme.example')).body, notFound, 'only case is ignored')
})

t.test('pre-login searches for what was typed, whatever quotes and backslashes are in it', async (t) => {
  const nasty = [
    '"',
    '\\',
    '\\"',
    '"\\',
    '\\\\',
    'a"b',
    "o'neil@acme.example",
    '*',
    '%',
    'x"=',
    '"or"1"="1',
    '^=',
    '\\u0022',
    'ä"ß\\',
    '😀"',
    'x" or email ^= "',
    '"'.repeat(60),
    '\\'.repeat(60),
  ].filter((value) => !/\s/.test(value))
  const named = (value: string, index: number) => ({ username: `u-${index}`, attributes: { email: value } })
  const file = await newTenant(nasty.map(named), {
    ...wanted({ acceptAttributeMatch: true }),
    limits: { listUsersPerSecond: 25 },
  })
  for (const [index, value] of nasty.entries()) {
    const { body } = await preLogin(file, value)
    t.strictSame(body, found(`u-${index}`), value)
  }
  const decoy = await newTenant(
    [{ username: 'u-0', attributes: { email: 'a@b' } }],
    wanted({ acceptAttributeMatch: true }),
  )
  for (const value of ['a@b"', '"a@b"', 'a@b\\', '\\a@b'])
    t.strictSame((await preLogin(decoy, value)).body, notFound, value)
})

t.test('a filter is read by Cognito as the one attribute and value it was made for, or not made at all', (t) => {
  const value = fc.string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', ' ', '=', '^'),
      fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }),
    ),
    maxLength: 260,
    size: 'max',
  })
  const user = (email: string) => ({
    username: 'u',
    attributes: { email },
    status: 'CONFIRMED',
    enabled: true,
    mfa: [],
    createdAt: 0,
  })
  let tooLong = 0
  fc.assert(
    fc.property(value, value, (typed, other) => {
      const filter = attributeFilter('email', typed)
      if (filter === undefined) {
        tooLong += 1
        assert(`email = ""${typed.replace(/["\\]/g, 'xx')}`.length > 256)
        return
      }
      assert(filter.length <= 256)
      const matches = parseFilter(filter)
      assert(matches(user(typed)), 'finds its own value')
      assert.equal(matches(user(other)), other.toLowerCase() === typed.toLowerCase(), 'and no other')
    }),
    // The same values each time: some must be too long.
    { numRuns: 3_000, seed: 1 },
  )
  t.equal(attributeFilter('email', 'x'.repeat(246))?.length, 256)
  t.equal(attributeFilter('email', 'x'.repeat(247)), undefined)
  t.ok(tooLong > 0, 'some were too long')
  t.end()
})

t.test('pre-login does not ask for a value whose filter Cognito would not take', async (t) => {
  const file = await newTenant([])
  const { body, operations } = await preLogin(file, '"'.repeat(124))
  t.strictSame({ body, operations }, { body: notFound, operations: ['AdminGetUser'] }, '258 characters')
  t.strictSame((await preLogin(file, '"'.repeat(123))).operations, ['AdminGetUser', 'ListUsers'], '256 characters')
})

t.test('pre-login follows empty pages to the user, and reads on to see whether there is another', async (t) => {
  const ada = { username: 'u-ada', attributes: { email: 'ada@acme.example' } }
  const file = await newTenant([ada], wanted({ acceptAttributeMatch: true }))
  stack.cognito.setEmptyPages(file.userPoolId, 3)
  const { body, operations } = await preLogin(file, 'ada@acme.example')
  t.strictSame(body, found('u-ada'))
  t.strictSame(operations, ['AdminGetUser', ...Array(4).fill('ListUsers')])

  const none = await newTenant([], wanted())
  stack.cognito.setEmptyPages(none.userPoolId, 2)
  t.strictSame((await preLogin(none, 'ada@acme.example')).body, notFound, 'empty to the end')
})

t.test(
  'pre-login keeps to the limit of ListUsers over calls, however many pages one has, and to none for AdminGetUser',
  async (t) => {
    const ada = { username: 'u-ada', attributes: { email: 'ada@acme.example' } }
    const config = { ...wanted({ acceptAttributeMatch: true }), limits: { listUsersPerSecond: 2 } }
    const file = await newTenant([ada], config)
    const neighbour = await newTenant([ada], config)
    stack.cognito.setEmptyPages(file.userPoolId, 20)
    const many = await preLogin(file, 'ada@acme.example')
    t.strictSame(many.body, found('u-ada'))
    t.strictSame(many.operations, ['AdminGetUser', ...Array(21).fill('ListUsers')], 'one search, all its pages')
    t.strictSame((await preLogin(file, 'ada@acme.example')).body, found('u-ada'), 'the second in this second')
    // Half a second is left for the search itself, so this one could not wait.
    const done = await preLogin(file, 'ada@acme.example', 650)
    t.strictSame(done.body, untyped)
    t.match(done.line, { level: 'error', outcome: 'refused', reason: 'list_users_rate_limited' })
    t.strictSame(done.operations, ['AdminGetUser'])

    t.strictSame((await preLogin(file, 'u-ada')).body, found('u-ada'), 'a name that Cognito knows needs no list')
    t.strictSame((await preLogin(neighbour, 'ada@acme.example')).body, found('u-ada'), 'a neighbour has its own limit')
    clock.advance(499)
    t.strictSame((await preLogin(file, 'ada@acme.example', 650)).body, untyped)
    clock.advance(1)
    t.strictSame((await preLogin(file, 'ada@acme.example')).body, found('u-ada'), 'half a second is worth one')
  },
)

t.test(
  'pre-login waits for its place in the limit of ListUsers while there is time, each call in its turn',
  async (t) => {
    const ada = { username: 'u-ada', attributes: { email: 'ada@acme.example' } }
    const file = await newTenant([ada], {
      ...wanted({ acceptAttributeMatch: true }),
      limits: { listUsersPerSecond: 2 },
    })
    const { userPoolId } = file
    const lists = () => stack.cognito.calls.filter(({ operation }) => operation === 'ListUsers').length
    const before = lists()
    await gateway.byHand(async () => {
      // Two at once, then one each half second, the last of them 3.5 s from now: the ninth in 4.2 s less half a second.
      const asked = Array.from({ length: 12 }, () =>
        gateway.action({ action: 'pre-login', userPoolId, identifier: 'ada@acme.example' }),
      )
      const isRefused = ({ reason, userPoolId }: Line) =>
        reason === 'list_users_rate_limited' && userPoolId === file.userPoolId
      const refused = () => gateway.lines.filter(isRefused).length
      // Those for whom there is no place in time are told at once; then all have asked for one.
      while (refused() < 3) await setImmediate()
      const counts: number[] = []
      for (let halves = 0; halves <= 7; halves += 1) {
        while (lists() - before < Math.min(2 + halves, 9)) await setImmediate()
        counts.push(lists() - before)
        if (halves < 7) clock.advance(500)
      }
      t.strictSame(counts, [2, 3, 4, 5, 6, 7, 8, 9])
      const bodies = (await Promise.all(asked)).map(({ body }) => body)
      t.strictSame(bodies.filter((body) => body.identifier === 'u-ada').length, 9)
      t.equal(refused(), 3)
    })
  },
)

t.test('pre-login turns any fault into the tenant’s own words, and says nothing of AWS', async (t) => {
  const faults: [string, Fault][] = [
    ['500', { kind: 'status', status: 500 }],
    ['429', { kind: 'status', status: 429 }],
    ['400', { kind: 'status', status: 400 }],
    ['a broken connection', { kind: 'reset' }],
    ['no JSON', { kind: 'garbage' }],
    ['no answer', { kind: 'hang' }],
    ['no listener', { kind: 'refuse' }],
  ]
  const parts = [
    ['AdminGetUser', stack.cognito, 'AdminGetUser'],
    ['ListUsers', stack.cognito, 'ListUsers'],
    ['AssumeRole', stack.sts, undefined],
  ] as const
  for (const [part, standIn, only] of parts) {
    for (const [name, fault] of faults) {
      if (fault.kind === 'refuse' && only !== undefined) continue
      const file = await newTenant([], wanted({ unknownUser: 'silent' }))
      await standIn.setFault(fault, only)
      const done = await preLogin(file, 'ada@acme.example', fault.kind === 'hang' ? 700 : undefined)
      await standIn.setFault(undefined)
      t.strictSame({ status: done.statusCode, body: done.body }, { status: 200, body: untyped }, `${part}: ${name}`)
      const reason = part === 'AssumeRole' ? /^sts_/ : /^cognito_/
      t.match(done.line, { level: 'error', outcome: 'refused', reason, err: { code: /^GW_ERR_UPSTREAM_/ } })
    }
  }
})

t.test('pre-login says `untyped` if the tenant’s role is gone, or may not do what is asked', async (t) => {
  const gone = await newTenant([{ username: 'u-ada' }])
  stack.sts.deleteRole(gone.aws.roleArn ?? '')
  const noRole = await preLogin(gone, 'u-ada')
  t.strictSame(noRole.body, untyped)
  t.match(noRole.line, { reason: 'sts_denied', level: 'error' })

  const narrow = await newTenant([{ username: 'u-ada' }])
  const { roleArn, externalId } = narrow.aws
  const Action = 'cognito-idp:AdminGetUser'
  stack.sts.putRole({
    roleArn: roleArn ?? '',
    trust: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::999900000001:root' },
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'sts:ExternalId': externalId ?? '' } },
        },
      ],
    },
    policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] }],
  })
  t.strictSame((await preLogin(narrow, 'u-ada')).body, found('u-ada'), 'what it may')
  const denied = await preLogin(narrow, 'bob')
  t.strictSame(denied.body, untyped)
  t.match(denied.line, {
    reason: 'role_permission_missing',
    level: 'error',
    upstreamErrorType: 'AccessDeniedException',
  })
  t.strictSame(
    (await preLogin(narrow, 'bob')).operations,
    ['AdminGetUser'],
    'what it may not is not tried again at once',
  )
})

t.test('pre-login of a tenant whose config cannot be read answers in general words', async (t) => {
  const file = await newTenant([{ username: 'u-ada' }])
  await stack.table.setFault({ kind: 'status', status: 500 })
  const { body, statusCode, line } = await preLogin(file, 'u-ada')
  await stack.table.setFault(undefined)
  t.strictSame(
    { body, statusCode },
    { body: refusal({ return: true, code: 'untyped', message: GENERAL }), statusCode: 200 },
  )
  t.match(line, { level: 'error', reason: /^table_/ })
})

t.test('pre-login has words of its own if the tenant gives none', async (t) => {
  const file = await newTenant([], { actions: { postAppend: { mfa: 'sms' } } })
  t.match((await preLogin(file, 'bob')).body, { error: { message: 'There is no account for this entry.' } })
})

/* ------------------------------------------------------------------------------------------------------------------ *
 * post-append
 * ------------------------------------------------------------------------------------------------------------------ */

const CAN_ALL = { attributes: { phone_number: '+491701', email: 'ada@acme.example' }, totp: true }

t.test('post-append answers 404 for a user whom Cognito does not know, with a code and an id', async (t) => {
  const file = await newTenant([])
  for (const username of ['nobody', '', ' ', 'a b', 'x'.repeat(129)]) {
    const { statusCode, body, line } = await postAppend(file, username)
    t.equal(statusCode, 404, username)
    t.strictSame(body, {
      code: 'GW_ERR_ACTION_USER_NOT_FOUND',
      message: 'There is no such user.',
      requestId: line.requestId,
    })
    t.match(line, { level: 'warn', outcome: 'rejected', reason: 'action_user_not_found' })
  }
  t.strictSame((await postAppend(file, 'a b')).operations, [], 'a name that no user can have is not asked for')
})

t.test('post-append sets the tenant’s factor, enabled and preferred, and once', async (t) => {
  const factors = { sms: 'SMS_MFA', email: 'EMAIL_OTP', 'software-token': 'SOFTWARE_TOKEN_MFA' } as const
  for (const [mfa, factor] of Object.entries(factors)) {
    const file = await newTenant([{ username: 'u-ada', ...CAN_ALL }], wanted({}, mfa as Mfa))
    const first = await postAppend(file, 'u-ada')
    t.strictSame({ status: first.statusCode, body: first.body }, { status: 200, body: {} }, mfa)
    t.strictSame(first.operations, ['AdminGetUser', 'AdminSetUserMFAPreference'])
    t.equal(first.line.outcome, 'factor_set')
    t.match(stack.cognito.user(file.userPoolId, 'u-ada'), { mfa: [factor], preferredMfa: factor })
    const settings = stack.cognito.calls.at(-1)?.input as Record<string, unknown>
    t.strictSame(
      Object.keys(settings).filter((key) => key.endsWith('MfaSettings')).length,
      1,
      'no other factor is touched',
    )

    const again = await postAppend(file, 'u-ada')
    t.strictSame(
      { body: again.body, operations: again.operations },
      { body: {}, operations: ['AdminGetUser'] },
      'again',
    )
    t.match(again.line, { outcome: 'unchanged', reason: 'factor_present' })
  }
})

t.test('post-append leaves a user alone who has any factor', async (t) => {
  for (const factor of ['SMS_MFA', 'EMAIL_OTP', 'SOFTWARE_TOKEN_MFA'] as const) {
    const file = await newTenant([{ username: 'u-ada', ...CAN_ALL, mfa: [factor] }], wanted({}, 'sms'))
    const { body, operations, line } = await postAppend(file, 'u-ada')
    t.strictSame({ body, operations }, { body: {}, operations: ['AdminGetUser'] }, factor)
    t.equal(line.reason, 'factor_present')
    t.equal(stack.cognito.user(file.userPoolId, 'u-ada')?.preferredMfa, undefined)
  }
})

t.test('post-append leaves a user alone whose factor shows in MFAOptions only', async (t) => {
  const mfaOptions = [{ DeliveryMedium: 'SMS', AttributeName: 'phone_number' }] as const
  for (const mfa of ['sms', 'email', 'software-token'] as const) {
    const file = await newTenant([{ username: 'u-ada', ...CAN_ALL, mfaOptions }], wanted({}, mfa))
    const { body, operations, line } = await postAppend(file, 'u-ada')
    t.strictSame({ body, operations }, { body: {}, operations: ['AdminGetUser'] }, mfa)
    t.equal(line.reason, 'factor_present', mfa)
    t.match(stack.cognito.user(file.userPoolId, 'u-ada'), { mfa: [], mfaOptions }, mfa)
  }
})

t.test('post-append lets a factor be that the user cannot have', async (t) => {
  for (const mfa of ['sms', 'email', 'software-token'] as const) {
    const file = await newTenant([{ username: 'u-ada' }], wanted({}, mfa))
    const { statusCode, body, operations, line } = await postAppend(file, 'u-ada')
    t.strictSame({ statusCode, body }, { statusCode: 200, body: {} }, mfa)
    t.strictSame(operations, ['AdminGetUser', 'AdminSetUserMFAPreference'])
    t.match(line, { level: 'info', outcome: 'unchanged', reason: 'factor_not_possible' })
    t.strictSame(stack.cognito.user(file.userPoolId, 'u-ada')?.mfa, [])
  }
})

t.test('post-append does nothing if the tenant wants none', async (t) => {
  const file = await newTenant([], wanted({}, 'none'))
  const { statusCode, body, operations, line } = await postAppend(file, 'nobody')
  t.strictSame({ statusCode, body, operations }, { statusCode: 200, body: {}, operations: [] })
  t.match(line, { outcome: 'unchanged', reason: 'no_factor_configured' })
})

t.test('post-append hands a fault on as 502, 503 or 504, with public text and an id', async (t) => {
  const rows: [string, Fault, number, string][] = [
    ['500', { kind: 'status', status: 500 }, 503, 'GW_ERR_UPSTREAM_UNAVAILABLE'],
    ['429', { kind: 'status', status: 429 }, 503, 'GW_ERR_UPSTREAM_THROTTLED'],
    ['a broken connection', { kind: 'reset' }, 503, 'GW_ERR_UPSTREAM_UNAVAILABLE'],
    ['no JSON', { kind: 'garbage' }, 502, 'GW_ERR_UPSTREAM_MALFORMED'],
    ['no answer', { kind: 'hang' }, 504, 'GW_ERR_UPSTREAM_TIMEOUT'],
  ]
  for (const operation of ['AdminGetUser', 'AdminSetUserMFAPreference']) {
    for (const [name, fault, status, code] of rows) {
      const file = await newTenant([{ username: 'u-ada', ...CAN_ALL }])
      await stack.cognito.setFault(fault, operation)
      const done = await postAppend(file, 'u-ada', fault.kind === 'hang' ? 700 : undefined)
      await stack.cognito.setFault(undefined)
      const body = { code, message: GENERAL, requestId: done.line.requestId }
      t.strictSame({ status: done.statusCode, body: done.body }, { status, body }, `${operation}: ${name}`)
      t.match(done.line, { level: 'error', outcome: 'fault', err: { code } })
    }
  }
  const gone = await newTenant([{ username: 'u-ada' }])
  stack.sts.deleteRole(gone.aws.roleArn ?? '')
  const { statusCode, body } = await postAppend(gone, 'u-ada')
  t.match({ statusCode, body }, { statusCode: 502, body: { code: 'GW_ERR_UPSTREAM_DENIED', message: GENERAL } })
})

/* ------------------------------------------------------------------------------------------------------------------ *
 * Both
 * ------------------------------------------------------------------------------------------------------------------ */

t.test(
  'by status: passkeys-off is silent, draft and unknown are 404, suspended is 403; no dependency is asked',
  async (t) => {
    const rows: [TenantFile['status'], number, object, object][] = [
      ['passkeys-off', 200, silent('passkeys_off'), {}],
      ['draft', 404, { code: 'GW_ERR_TENANT_DRAFT' }, { code: 'GW_ERR_TENANT_DRAFT' }],
      ['suspended', 403, { code: 'GW_ERR_TENANT_SUSPENDED' }, { code: 'GW_ERR_TENANT_SUSPENDED' }],
    ]
    for (const [status, statusCode, login, append] of rows) {
      const file = await newTenant([{ username: 'u-ada', ...CAN_ALL }], { ...wanted(), status })
      for (const [done, body] of [
        [await preLogin(file, 'u-ada'), login],
        [await postAppend(file, 'u-ada'), append],
      ] as const) {
        t.match(done, { statusCode, body, operations: [], line: { tenantId: file.tenantId } }, status)
        if (statusCode === 200) t.strictSame(done.body, body)
        else t.strictSame(Object.keys(done.body).sort(), ['code', 'message', 'requestId'])
      }
    }
    for (const userPoolId of ['eu-central-1_Nobody', 'no pool', '', '../../triggers/unknown', 'x'.repeat(200)]) {
      for (const payload of [
        { action: 'pre-login', identifier: 'u-ada' },
        { action: 'post-append', username: 'u-ada' },
      ]) {
        const { statusCode, body, operations } = await act({ ...payload, userPoolId })
        t.match(
          { statusCode, body, operations },
          { statusCode: 404, body: { code: 'GW_ERR_TENANT_UNKNOWN' }, operations: [] },
          userPoolId,
        )
      }
    }
  },
)

t.test('refuses payloads of another shape, and names the field without its value', async (t) => {
  const { userPoolId } = await newTenant([])
  const shapes: [object, RegExp][] = [
    [{ action: 'pre-login', userPoolId }, /identifier/],
    [{ action: 'pre-login', userPoolId, identifier: null }, /identifier/],
    [{ action: 'pre-login', userPoolId, identifier: ['hidden'] }, /identifier/],
    [{ action: 'pre-login', userPoolId, username: 'hidden' }, /identifier/],
    [{ action: 'post-append', userPoolId }, /username/],
    [{ action: 'post-append', userPoolId, username: 7 }, /username/],
    [{ action: 'post-append', userPoolId, identifier: 'hidden' }, /username/],
    [{ action: 'pre-login', identifier: 'hidden' }, /userPoolId/],
    [{ action: 'pre-login', userPoolId: 7, identifier: 'hidden' }, /userPoolId/],
  ]
  for (const [payload, message] of shapes) {
    const { statusCode, body, operations } = await act(payload)
    t.match(
      { statusCode, body, operations },
      { statusCode: 400, body: { code: 'GW_ERR_REQUEST_INVALID', message }, operations: [] },
    )
    t.notMatch(JSON.stringify(body), /hidden/)
    t.strictSame(Object.keys(body).sort(), ['code', 'message', 'requestId'])
  }
})

t.test('answers 404 for an action that there is not, in the form of every other refusal', async (t) => {
  const { userPoolId } = await newTenant([])
  for (const action of [
    'post-delete',
    '',
    '..',
    'pre-login/',
    'PRE-LOGIN',
    '__proto__',
    '../triggers/unknown',
    'x'.repeat(300),
  ]) {
    const { statusCode, body } = await act({ action, userPoolId, identifier: 'u-ada' })
    t.match(
      { statusCode, body },
      { statusCode: 404, body: { code: 'GW_ERR_ROUTE_UNKNOWN', message: 'There is no such route.' } },
      action,
    )
    t.strictSame(Object.keys(body).sort(), ['code', 'message', 'requestId'])
  }
})

t.test('ignores keys that it does not know', async (t) => {
  const { userPoolId } = await newTenant([{ username: 'u-ada', ...CAN_ALL }])
  const more = { userId: '7', response: {}, requestContext: {}, headers: { a: 1 } }
  t.strictSame((await act({ ...more, action: 'pre-login', userPoolId, identifier: 'u-ada' })).body, found('u-ada'))
  t.strictSame((await act({ ...more, action: 'post-append', userPoolId, username: 'u-ada' })).body, {})
})

t.test('is refused through a tenant’s alias, even its own, and without one', async (t) => {
  const { userPoolId, alias } = await newTenant([{ username: 'u-ada' }])
  const codes = {
    [hostedArn(alias)]: 'WRONG_ALIAS',
    [hostedArn('').slice(0, -1)]: 'UNQUALIFIED',
    [hostedArn('$LATEST')]: 'UNQUALIFIED',
  }
  for (const [arn, code] of Object.entries(codes)) {
    const payload = { action: 'pre-login', userPoolId, identifier: 'u-ada' }
    const { statusCode, body } = await gateway.action(payload, { arn })
    t.match({ statusCode, body }, { statusCode: 403, body: { code: `GW_ERR_INVOCATION_${code}` } }, arn)
  }
})

t.test('acts in the one pool, with the tenant’s own role and a session that may do no more', async (t) => {
  const file = await newTenant([{ username: 'u-ada' }])
  const neighbour = await newTenant([{ username: 'u-ada', status: 'RESET_REQUIRED' }])
  const ask = ({ userPoolId }: TenantFile) => gateway.action({ action: 'pre-login', userPoolId, identifier: 'u-ada' })
  const [own, other] = await Promise.all([ask(file), ask(neighbour)])
  t.match([own.body, other.body], [found('u-ada'), { error: { code: 'reset_required' } }])
  const calls = stack.cognito.calls.slice(-2)
  for (const { userPoolId } of [file, neighbour]) {
    const call = calls.find(({ input }) => (input as { UserPoolId: string }).UserPoolId === userPoolId)
    t.equal(call?.principal, `arn:aws:sts::111122223333:assumed-role/corbado-${userPoolId}/corbado-${userPoolId}`)
  }
})

t.test('no line of all these, and no answer of a fault, holds what was typed or who it was', async (t) => {
  const text = gateway.text()
  t.ok(text.length > 10_000)
  for (const word of [
    'ada@',
    'u-ada',
    'bob',
    '+4917',
    'external-',
    'assumed-role',
    'not authorized',
    'AKIA',
    'ASIA',
    'hidden',
    'u-1"',
  ]) {
    t.notOk(text.includes(word), word)
  }
})
