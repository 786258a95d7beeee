import t from 'tap'
import { createCall } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import type { Fault, StandIn } from '../../src/local/aws/server.js'
import { basicCredential, hostedArn, toLocal } from '../../src/local/world/tenants.js'
import { createGuard } from '../../src/resilience/guard.js'
import { createLimiter } from '../../src/resilience/limiter.js'
import { type TenantFile, withDefaults } from '../../src/tenant/config.js'
import { createTenantSecrets } from '../../src/tenant/secrets.js'
import { createVerifier } from '../../src/tenant/verifier.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { verifyEvent } from '../fixtures/events.js'
import { type InvokeOptions, type Line, startGateway, untilWaiting } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const SECOND = 1_000
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PROJECT = 'pro-6001'

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { corbado, cognito, ssm } = gateway.stack

let count = 0
async function addTenant(changes: Parameters<typeof tenantFile>[0] = {}): Promise<TenantFile> {
  count += 1
  const file = tenantFile({
    tenantId: `tenant-${count}`,
    userPoolId: `eu-central-1_Verify${count}`,
    alias: `t-${count}`,
    ...changes,
    aws: { accountId: String(200_000_000_000 + count), ...changes.aws },
    corbado: { projectId: PROJECT, ...changes.corbado },
  })
  // All share a project, so all share its secret.
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  cognito.putUser(file.userPoolId, { username: USER })
  return file
}

const file = await addTenant()
const sign = (claims: Parameters<typeof corbado.sign>[2] = {}) => corbado.sign(PROJECT, USER, claims)

interface Asked extends InvokeOptions {
  readonly of?: TenantFile
  readonly nonce?: unknown
  readonly cognitoID?: string
  readonly userNotFound?: boolean
}

/** Sends one verify event, the same one for the same arguments, and says what came of it. */
async function verify(proof: string, asked: Asked = {}) {
  const { of = file, cognitoID = USER, userNotFound, ...invoke } = asked
  const nonce = 'nonce' in asked ? asked.nonce : 'nonce-1'
  const request = {
    privateChallengeParameters: { cognitoID, nonce },
    ...(userNotFound !== undefined && { userNotFound }),
  }
  const event = verifyEvent(proof, request, { userPoolId: of.userPoolId })
  const requestId = `req-${Math.random()}`
  const { response } = await gateway.trigger(event, { arn: hostedArn(of.alias), requestId, ...invoke })
  const line = gateway.lines.find((one) => one.requestId === requestId) as Line
  return { answerCorrect: (response as { answerCorrect: unknown }).answerCorrect, reason: line.reason }
}

/** Number of calls that `run` costs a stand-in. */
async function costs(standIn: StandIn, run: () => Promise<unknown>): Promise<number> {
  const before = standIn.calls.length
  await run()
  return standIn.calls.length - before
}

async function withFault(standIn: StandIn, fault: Fault, run: () => Promise<unknown>): Promise<void> {
  await standIn.setFault(fault)
  try {
    await run()
  } finally {
    await standIn.setFault(undefined)
  }
}

const verified = { answerCorrect: true, reason: 'verified' }
const refused = (reason: string) => ({ answerCorrect: false, reason })

t.test('a proof serves one login only: with another nonce it goes to Corbado and is refused there', async (t) => {
  const proof = await sign()
  t.strictSame(await verify(proof), verified)
  t.equal(
    await costs(corbado, async () =>
      t.strictSame(await verify(proof, { nonce: 'nonce-2' }), refused('invalid_challenge')),
    ),
    1,
  )
  t.strictSame(await verify(proof), verified, "the first login's own retry still gets its verdict")
})

t.test('without a nonce nothing is kept: each event goes to Corbado', async (t) => {
  for (const nonce of [undefined, null, 7, { nonce: 'nonce-1' }]) {
    const proof = await sign()
    t.strictSame(await verify(proof, { nonce }), verified)
    t.equal(
      await costs(corbado, async () => t.strictSame(await verify(proof, { nonce }), refused('invalid_challenge'))),
      1,
    )
  }
})

t.test("another user's event is another question, though proof and nonce are the same", async (t) => {
  const proof = await sign()
  t.strictSame(await verify(proof), verified)
  t.equal(
    await costs(corbado, async () =>
      t.strictSame(await verify(proof, { cognitoID: 'mallory' }), refused('invalid_challenge')),
    ),
    1,
  )
})

t.test('no choice of user name and nonce makes two questions look the same', async (t) => {
  const proof = await sign()
  const pairs = [
    ['a', 'b|c'],
    ['a|b', 'c'],
    ['a%7Cb', 'c'],
    ['a', 'b%7Cc'],
  ] as const
  for (const [cognitoID, nonce] of pairs) {
    t.equal(await costs(corbado, () => verify(proof, { cognitoID, nonce })), 1)
  }
})

t.test('another answer to the same challenge is another question', async (t) => {
  const [wrong, right] = [await corbado.sign(PROJECT, 'mallory'), await sign()]
  t.strictSame(await verify(wrong, { nonce: 'same' }), refused('user_mismatch'))
  t.strictSame(await verify(right, { nonce: 'same' }), verified)
})

t.test('two tenants of one project do not share a verdict', async (t) => {
  const other = await addTenant()
  const proof = await sign()
  t.strictSame(await verify(proof), verified)
  t.equal(
    await costs(corbado, async () => t.strictSame(await verify(proof, { of: other }), refused('invalid_challenge'))),
    1,
  )
  t.strictSame(await verify(proof), verified)
})

t.test('the same event again costs one Backend API call and gets the same verdict', async (t) => {
  const proof = await sign()
  const all = async () => {
    for (let i = 0; i < 3; i++) t.strictSame(await verify(proof), verified)
  }
  t.equal(await costs(corbado, all), 1)
})

t.test('the same event while the first call still runs costs one call and gets the same verdict', async (t) => {
  const proof = await sign()
  await withFault(corbado, { kind: 'slow', ms: 100 }, async () => {
    const all = () => Promise.all(Array.from({ length: 10 }, async () => t.strictSame(await verify(proof), verified)))
    t.equal(await costs(corbado, all), 1)
  })
})

t.test("a refusal is kept like a success: each of Corbado's verdicts", async (t) => {
  const now = Math.floor(clock.now() / SECOND)
  const used = await sign()
  await verify(used, { nonce: 'used before' })
  const genuine = await sign()
  const proofs: [string, string][] = [
    ['invalid_signature', `${genuine.slice(0, -20)}${'A'.repeat(20)}`],
    ['invalid_challenge', used],
    ['user_mismatch', await corbado.sign(PROJECT, 'mallory')],
    ['generic_error', await sign({ exp: now - 30 })],
  ]
  for (const [reason, proof] of proofs) {
    const twice = async () => {
      for (let i = 0; i < 2; i++) t.strictSame(await verify(proof), refused(reason))
    }
    t.equal(await costs(corbado, twice), 1, reason)
  }
})

t.test('a call that was sent is never sent again for the same event, whatever became of it', async (t) => {
  const faults: [string, Fault][] = [
    ['backend_rate_limited', { kind: 'status', status: 429 }],
    ['backend_rejected', { kind: 'status', status: 400 }],
    ['backend_unavailable', { kind: 'status', status: 500 }],
    ['backend_unavailable', { kind: 'reset' }],
    ['backend_malformed', { kind: 'garbage' }],
    ['backend_unauthorized', { kind: 'status', status: 403 }],
  ]
  for (const [reason, fault] of faults) {
    const proof = await sign()
    await withFault(corbado, fault, async () => {
      t.equal(
        await costs(corbado, async () => t.strictSame(await verify(proof), refused(reason))),
        1,
        JSON.stringify(fault),
      )
    })
    t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), refused(reason))), 0, 'healed since')
  }
})

t.test('an answer that came too late for the first try is not asked for again', async (t) => {
  const proof = await sign()
  await withFault(corbado, { kind: 'hang' }, async () => {
    t.strictSame(await verify(proof, { remainingMs: 700 }), refused('backend_timeout'))
  })
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), refused('backend_timeout'))), 0)
})

t.test('a refused connection is not remembered: the request never left, so the retry has a chance', async (t) => {
  const proof = await sign()
  // Idle long enough for a new connection: on a kept one the request would have left before the refusal.
  clock.advance(31_000)
  await withFault(corbado, { kind: 'refuse' }, async () => {
    t.strictSame(await verify(proof), refused('backend_unavailable'))
    t.strictSame(await verify(proof), refused('backend_unavailable'))
  })
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), verified)), 1)
})

t.test('a secret that was not there is not remembered as a verdict', async (t) => {
  const own = await addTenant()
  ssm.remove(own.corbado.credentialParameter)
  const proof = await sign()
  t.strictSame(await verify(proof, { of: own }), refused('secret_missing'))
  ssm.put(own.corbado.credentialParameter, basicCredential('pro-1', 'corbado1_x'))
  clock.advance(6 * SECOND)
  t.strictSame(await verify(proof, { of: own }), refused('secret_wrong_project'))
  ssm.put(own.corbado.credentialParameter, basicCredential(PROJECT, 'corbado1_shared'))
  clock.advance(300 * SECOND)
  const later = await sign()
  t.strictSame(await verify(later, { of: own }), verified)
})

t.test(
  'a secret that cannot be used is a failure: believed for about 5 s, not until it would be read again',
  async (t) => {
    const bad: [what: string, value: string | undefined, reason: string][] = [
      ['missing', undefined, 'secret_missing'],
      ['blank', ' ', 'secret_malformed'],
      ['not base64', `${PROJECT}:corbado1_shared`, 'secret_malformed'],
      ['base64url', Buffer.from(`${PROJECT}:corbado1_~~~???`).toString('base64url'), 'secret_malformed'],
      ['quoted', `"${basicCredential(PROJECT, 'corbado1_shared')}"`, 'secret_malformed'],
      ['without a secret', Buffer.from(`${PROJECT}:`).toString('base64'), 'secret_malformed'],
      ["another project's", basicCredential('pro-1', 'corbado1_x'), 'secret_wrong_project'],
    ]
    for (const [what, value, reason] of bad) {
      for (const known of [false, true]) {
        const name = `${what}, ${known ? 'after a good one' : 'from the start'}`
        const own = await addTenant()
        const { credentialParameter } = own.corbado
        if (known) t.strictSame(await verify(await sign(), { of: own }), verified, name)
        if (value === undefined) ssm.remove(credentialParameter)
        else ssm.put(credentialParameter, value)
        if (known) clock.advance(300 * SECOND)
        const before = corbado.calls.length
        t.strictSame(
          await verify(await sign(), { of: own }),
          refused(reason),
          `${name}: the good one does not serve on`,
        )
        ssm.put(credentialParameter, basicCredential(PROJECT, 'corbado1_shared'))
        clock.advance(3_999)
        const again = async () => t.strictSame(await verify(await sign(), { of: own }), refused(reason), `${name}: 4 s`)
        t.equal(await costs(ssm, again), 0, `${name}: SSM is left alone`)
        t.equal(corbado.calls.length, before, `${name}: nothing was sent`)
        clock.advance(2_001)
        t.strictSame(await verify(await sign(), { of: own }), verified, `${name}: put right`)
      }
    }
  },
)

t.test('a secret is looked at again when the config names another project or scheme', async (t) => {
  const own = await addTenant({ corbado: { projectId: 'pro-6099' } })
  ssm.put(own.corbado.credentialParameter, basicCredential(PROJECT, 'corbado1_shared'))
  t.strictSame(await verify(await corbado.sign('pro-6099', USER), { of: own }), refused('secret_wrong_project'))
  await gateway.putConfig({ ...own, corbado: { ...own.corbado, projectId: PROJECT } })
  clock.advance(60 * SECOND)
  await verify('', { of: own })
  t.strictSame(await verify(await sign(), { of: own }), verified)
})

t.test('a retry that waits for the first call is answered in its own time', async (t) => {
  const proof = await sign()
  await withFault(corbado, { kind: 'slow', ms: 1_200 }, async () => {
    const first = verify(proof)
    t.strictSame(await verify(proof, { remainingMs: 650 }), refused('backend_timeout'))
    t.strictSame(await first, verified, 'the first call is not disturbed')
  })
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), verified)), 0)
})

t.test('a verdict is forgotten with the life of its proof: 60 s after exp', async (t) => {
  const iat = clock.now() / SECOND
  const proof = await sign({ iat, exp: iat + 300 })
  t.strictSame(await verify(proof), verified)
  clock.advance(360 * SECOND - 1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), verified)), 0)
  clock.advance(1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), refused('generic_error'))), 1)
  clock.advance(1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), refused('expired'))), 0, 'not even asked')
  // Back onto a whole second, which the claims of later proofs are in.
  clock.advance(SECOND - 1)
})

t.test('a proof that does not say how long it lives is taken to live 300 s', async (t) => {
  const { exp: _left, ...claims } = { exp: 0, iat: clock.now() / SECOND }
  const proof = await sign({ ...claims, exp: undefined } as unknown as Parameters<typeof sign>[0])
  t.strictSame(await verify(proof), verified)
  clock.advance(300 * SECOND - 1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), verified)), 0)
  clock.advance(1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), refused('invalid_challenge'))), 1)
})

t.test('no proof can have its verdict kept for longer than 600 s, whatever it says', async (t) => {
  const proof = await sign({ exp: clock.now() / SECOND + 86_400 })
  t.strictSame(await verify(proof), verified)
  clock.advance(600 * SECOND - 1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), verified)), 0)
  clock.advance(1)
  t.equal(await costs(corbado, async () => t.strictSame(await verify(proof), refused('invalid_challenge'))), 1)
})

t.test('the memo is bounded', async (t) => {
  const env = parseEnv(process.env)
  const upstreams = gateway.watch(createUpstreams(env, clock))
  t.teardown(() => upstreams.close())
  const secrets = createTenantSecrets(env, upstreams.fetchParameter, clock)
  const config = withDefaults(toLocal(file, gateway.stack))
  /** A verifier that keeps three verdicts: with `ask` it is asked about a proof, and says what came of it. */
  function createSmall() {
    const limiter = createLimiter(10, clock)
    const { verifySignedData } = upstreams
    const guard = createGuard(100, clock)
    const verify = createVerifier({ verifySignedData, secrets, limiter, guard, clock, keptMax: 3 })
    return async (signedPasskeyData: string, of = config) => {
      const proof = { signedPasskeyData, username: USER, nonce: 'nonce-1', lifeMs: 360 * SECOND }
      const verdict = await verify(of, proof, createCall(6 * SECOND, clock))
      return verdict.kind === 'result' ? verdict.result : verdict.kind
    }
  }
  const signFour = () => Promise.all([sign(), sign(), sign(), sign()])

  t.test('one proof too many takes the place of the first, which costs a call again and is refused', async (t) => {
    const ask = createSmall()
    const [first, second, third, fourth] = await signFour()
    for (const proof of [first, second, third]) t.equal(await ask(proof), 'success')
    const again = async () => {
      for (const proof of [first, second, third]) t.equal(await ask(proof), 'success')
    }
    t.equal(await costs(corbado, again), 0, 'three are kept')
    t.equal(await ask(fourth), 'success')
    const rest = async () => {
      for (const proof of [second, third, fourth]) t.equal(await ask(proof), 'success')
    }
    t.equal(await costs(corbado, rest), 0, 'the others keep their verdicts')
    t.equal(await costs(corbado, async () => t.equal(await ask(first), 'invalid_challenge')), 1)
  })

  t.test('a verdict that was asked for lately outlives one that was not', async (t) => {
    const ask = createSmall()
    const [first, second, third, fourth] = await signFour()
    for (const proof of [first, second, third, first, fourth]) t.equal(await ask(proof), 'success')
    t.equal(await costs(corbado, async () => t.equal(await ask(first), 'success')), 0)
    t.equal(await costs(corbado, async () => t.equal(await ask(second), 'invalid_challenge')), 1)
  })

  t.test('calls that run take places too: what was pushed out is asked again, and both are answered', async (t) => {
    const ask = createSmall()
    const [first, second, third, fourth] = await signFour()
    await withFault(corbado, { kind: 'slow', ms: 150 }, async () => {
      const all = async () => {
        const running = [first, second, third].map((proof) => ask(proof))
        const joined = [first, second, third].map((proof) => ask(proof))
        const pushing = ask(fourth)
        // The order in which two calls reach Corbado is the network's; one of them spends the proof.
        t.strictSame((await Promise.all([running[0], ask(first)])).sort(), ['invalid_challenge', 'success'])
        for (const verdict of [...running.slice(1), ...joined.slice(1), pushing]) t.equal(await verdict, 'success')
        t.equal(await joined[0], await running[0], 'who waits already gets the verdict waited for')
      }
      t.equal(await costs(corbado, all), 5)
    })
  })

  t.test('a call that was pushed out and never left forgets nothing but itself', async (t) => {
    const ask = createSmall()
    const [first, ...others] = await signFour()
    t.equal(await ask(await sign()), 'success', 'the secret is known')
    const { corbado: settings } = config
    const lacking = { ...config, corbado: { ...settings, credentialParameter: `${settings.credentialParameter}-2` } }
    await withFault(ssm, { kind: 'slow', ms: 150 }, () =>
      gateway.byHand(async () => {
        const unsent = ask(first, lacking)
        await untilWaiting(ssm)
        for (const proof of others) t.equal(await ask(proof), 'success')
        t.equal(await ask(first), 'success')
        clock.advance(150)
        t.equal(await unsent, 'secret-missing')
      }),
    )
    t.equal(await costs(corbado, async () => t.equal(await ask(first), 'success')), 0)
  })
})

t.test('an unknown user costs the same call, once, and is refused though the proof is good', async (t) => {
  const proof = await sign()
  const twice = async () => {
    for (let i = 0; i < 2; i++) t.strictSame(await verify(proof, { userNotFound: true }), refused('user_not_found'))
  }
  t.equal(await costs(corbado, twice), 1)
})

t.test("over the tenant's verifyPerSecond no call is made, and the limit recovers with the clock", async (t) => {
  const limited = await addTenant({ limits: { verifyPerSecond: 2 } })
  const over = refused('verify_rate_limited')
  const ask = async () => verify(await sign(), { of: limited })
  t.strictSame([await ask(), await ask()], [verified, verified])
  t.equal(await costs(corbado, async () => t.strictSame(await ask(), over)), 0)
  t.strictSame(await verify(await sign()), verified, 'another tenant is not held up')

  clock.advance(499)
  t.strictSame(await ask(), over)
  clock.advance(1)
  t.strictSame(await ask(), verified)
  t.strictSame(await ask(), over)

  clock.advance(3_600 * SECOND)
  t.strictSame(
    [await ask(), await ask(), await ask()],
    [verified, verified, over],
    'one second is all that is saved up',
  )
})

t.test('a login over the limit is not remembered as refused', async (t) => {
  const limited = await addTenant({ limits: { verifyPerSecond: 1 } })
  await verify(await sign(), { of: limited })
  const proof = await sign()
  t.strictSame(await verify(proof, { of: limited }), refused('verify_rate_limited'))
  clock.advance(SECOND)
  t.strictSame(await verify(proof, { of: limited }), verified)
})

t.test("Cognito's retries are no logins: they do not count towards the limit", async (t) => {
  const limited = await addTenant({ limits: { verifyPerSecond: 1 } })
  const proof = await sign()
  for (let i = 0; i < 3; i++) t.strictSame(await verify(proof, { of: limited }), verified)
})

t.test('answers that are refused without a call do not count towards the limit', async (t) => {
  const limited = await addTenant({ limits: { verifyPerSecond: 1 } })
  for (const answer of ['', 'no token', await corbado.sign('pro-6002', USER)]) await verify(answer, { of: limited })
  t.strictSame(await verify(await sign(), { of: limited }), verified)
})

t.test(
  "over the tenant's listUsersPerSecond no list is asked for, and pre-login says nothing of it to the user",
  async (t) => {
    const limited = await addTenant({ limits: { listUsersPerSecond: 2 } })
    const list = () => cognito.calls.filter(({ operation }) => operation === 'ListUsers').length
    const preLogin = async (identifier: string) => {
      gateway.take()
      // With so little time no call waits for its place.
      const payload = { action: 'pre-login', userPoolId: limited.userPoolId, identifier }
      const { body } = await gateway.action(payload, { remainingMs: 650 })
      return { body, reason: gateway.take().at(-1)?.reason }
    }
    const message = 'Sign-in with a passkey is not available right now.'
    const over = {
      body: { identifier: '', error: { return: true, code: 'untyped', message } },
      reason: 'list_users_rate_limited',
    }

    t.equal((await preLogin('nobody@acme.example')).reason, 'user_not_found')
    t.equal((await preLogin('nobody@acme.example')).reason, 'user_not_found')
    const before = list()
    t.strictSame(await preLogin('nobody@acme.example'), over)
    t.equal(list(), before)
    t.strictSame((await preLogin(USER)).body, { identifier: USER }, 'who is known by name needs no list')

    clock.advance(499)
    t.strictSame(await preLogin('nobody@acme.example'), over)
    clock.advance(1)
    t.equal((await preLogin('nobody@acme.example')).reason, 'user_not_found')

    clock.advance(SECOND)
    cognito.setEmptyPages(limited.userPoolId, 2)
    t.equal((await preLogin('nobody@acme.example')).reason, 'user_not_found', 'pages of one search count once')
  },
)

t.test('no line holds a proof or a nonce', async (t) => {
  t.notMatch(gateway.text(), /eyJ|nonce-1|corbado1_/)
})
