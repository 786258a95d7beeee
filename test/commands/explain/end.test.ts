import t from 'tap'
import { endOf } from '../../../src/commands/explain/end.js'
import { lineOf } from '../../../src/operator/lines/line.js'
import { OUTCOMES, type Outcome, placesOf, type Reason, reasons, rowOf, type Step } from '../../../src/reasons.js'
import { cli } from '../fixtures/cli.js'

// Where a login ended, whatever it is made of: our own triggers, the customer's functions, post-login, connect tokens.

const BEGIN = Date.UTC(2026, 10, 30, 2, 10)
const ACTIONS: readonly Step[] = ['pre-login', 'post-login', 'post-append', 'connect-tokens']
const STEPS = {
  define: 'define-auth-challenge',
  create: 'create-auth-challenge',
  verify: 'verify-auth-challenge-response',
} as const

type Came = readonly [step: keyof typeof STEPS | Step, outcome: Outcome, more?: object]
const FLOW = { flowId: 'flow-1' }

/** A closing line of one user, so many seconds after the first. */
function fieldsOf(seconds: number, [name, outcome, more]: Came): Record<string, unknown> {
  const step = name in STEPS ? STEPS[name as keyof typeof STEPS] : name
  return {
    ...{ level: 'info', time: new Date(BEGIN + 1_000 * seconds).toISOString(), tenantId: 'acme' },
    ...{ userPoolId: 'eu-central-1_Acme00001', user: 'u_abcdefgh', requestId: `request-${seconds}`, durationMs: 9 },
    ...(ACTIONS.includes(step as Step) ? { action: step } : { trigger: step, clientId: 'client-1' }),
    ...{ outcome, ...more },
  }
}

/** What `explain` says of lines that come a second after each other: a login each. */
async function explain(...came: Came[]) {
  const stdin = came.map((one, seconds) => JSON.stringify(fieldsOf(seconds, one))).join('\n')
  const { code, stdout } = await cli(['explain', 'acme', '--user', 'u_abcdefgh', '--json'], { stdin })
  const { logins } = JSON.parse(stdout) as {
    logins: { steps: unknown[]; failed: boolean; cause: string; owner: string }[]
  }
  return {
    code,
    logins: logins.map(({ steps, failed, cause, owner }) => ({ count: steps.length, failed, cause, owner })),
  }
}
const saysOf = (reason: Reason) => `${reason}: ${rowOf(reason).means}`

const begun: Came[] = [
  ['define', 'challenge'],
  ['create', 'created', FLOW],
]
const provenIn = (flowId: string): Came[] => [
  ['define', 'challenge'],
  ['create', 'created', { flowId }],
  ['verify', 'correct', { reason: 'verified', flowId }],
  ['define', 'tokens', { flowId }],
]
const proven = provenIn('flow-1')
const chained: Came[] = [
  ['define', 'chained', { chained: true }],
  ['create', 'chained', { chained: true }],
  ['verify', 'chained', { chained: true }],
  ['define', 'chained', { chained: true }],
]

t.test('every reason, wherever it can come, is the end of a login that it ended, with who has to act', async (t) => {
  const alone = { at: 0, unfinished: [], forwarders: [] }
  const wrong: string[] = []
  for (const reason of reasons) {
    for (const { step, outcome } of placesOf(reason)) {
      const line = lineOf(fieldsOf(0, [step, outcome, { reason }]))
      if (!line) throw new Error('no line')
      const { text, owner } = endOf({ ...alone, steps: [{ line, tries: 1 }] })
      const isRight = text.startsWith(saysOf(reason)) && owner === rowOf(reason).owner
      if (!isRight && outcome !== 'correct') wrong.push(`${step} ${outcome}/${reason}: ${text}`)
    }
  }
  t.strictSame(wrong, [])
})

t.test('every outcome that needs no reason has a sentence of its own', async (t) => {
  const reasoned: readonly Outcome[] = ['fail', 'incorrect', 'refused', 'rejected', 'fault', 'forwarded']
  for (const outcome of OUTCOMES.filter((one) => !reasoned.includes(one))) {
    const line = lineOf(fieldsOf(0, ['define', outcome]))
    if (!line) throw new Error('no line')
    const { text } = endOf({ at: 0, unfinished: [], forwarders: [], steps: [{ line, tries: 1 }] })
    t.notMatch(text, /^It ended with|^$/, outcome)
  }
})

t.test('what Cognito calls after the tokens, and post-login itself, are of the login that they end', async (t) => {
  const ended: Came[] = [...proven, ['post-authentication', 'unchanged'], ['pre-token-generation', 'claimed']]
  const signedIn = { failed: false, cause: 'The user is signed in.' }
  t.match(await explain(...ended, ['post-login', 'signed_in']), { code: 0, logins: [{ count: 7, ...signedIn }] })
  t.match(await explain(...ended, ['connect-tokens', 'issued'], ...provenIn('flow-2')), {
    code: 0,
    logins: [
      { count: 6, ...signedIn },
      { count: 1, failed: false, cause: 'A connect token was given.' },
      { count: 4, ...signedIn },
    ],
  })
  const refreshed: Came = ['pre-token-generation', 'unchanged', { triggerSource: 'TokenGeneration_RefreshTokens' }]
  t.match((await explain(...proven, refreshed)).logins, [
    { count: 4, ...signedIn },
    { count: 1, failed: false },
  ])
})

t.test('tokens without the claim are tokens, and what is missing is said beside', async (t) => {
  const reason = 'claim_unproven'
  for (const outcome of ['unchanged', 'chained'] as const) {
    t.match(await explain(...proven, ['pre-token-generation', outcome, { reason }]), {
      code: 0,
      logins: [{ count: 5, failed: false, cause: `The user is signed in. ${saysOf(reason)}`, owner: 'customer' }],
    })
  }
})

t.test(
  "a login whose tokens were lost on the way is not called signed in: a function's fault, or post-login's",
  async (t) => {
    for (const [step, outcome, reason] of [
      ['pre-token-generation', 'fault', 'chain_timeout'],
      ['post-authentication', 'rejected', 'chain_threw'],
      ['post-login', 'fault', 'cognito_timeout'],
    ] as const) {
      t.match(await explain(...proven, [step, outcome, { reason }]), {
        code: 1,
        logins: [{ count: 5, failed: true, cause: saysOf(reason), owner: rowOf(reason).owner }],
      })
    }
  },
)

t.test('a post-login that is refused ends with what its login failed for', async (t) => {
  const again: Came[] = [
    ['define', 'challenge', FLOW],
    ['create', 'created', { attempt: 2, ...FLOW }],
    ['post-login', 'rejected', { reason: 'action_refused' }],
  ]
  t.match(await explain(...begun, ['verify', 'incorrect', { reason: 'expired', ...FLOW }], ...again), {
    code: 1,
    logins: [{ count: 6, cause: saysOf('expired') }],
  })
  // Whose triggers are not ours has no other line.
  t.match(await explain(['post-login', 'rejected', { reason: 'action_refused' }]), {
    code: 1,
    logins: [{ count: 1, cause: saysOf('action_refused') }],
  })
})

t.test("logins of the customer's own function are told apart, and nobody is blamed for how they ended", async (t) => {
  const cause = "The customer's own function answered: what it decided is not in these lines."
  const after: Came = ['pre-token-generation', 'unchanged']
  t.match(await explain(...chained, ...chained, after, ...chained), {
    code: 0,
    logins: [
      { count: 4, failed: false, cause },
      { count: 5, failed: false },
      { count: 4, failed: false, cause },
    ],
  })
})

t.test(
  "a fault of the customer's function ends its login; one that is ignored does not hide another cause",
  async (t) => {
    for (const reason of reasons.filter((one) => one.startsWith('chain_'))) {
      const outcome = reason === 'chain_threw' ? 'rejected' : 'fault'
      t.match(await explain(...chained.slice(0, 2), ['verify', outcome, { reason, chained: true }]), {
        code: 1,
        logins: [{ count: 3, failed: true, cause: saysOf(reason), owner: 'customer' }],
      })
      const ignored: Came = ['pre-authentication', 'unchanged', { reason, chained: true }]
      t.match((await explain(ignored, ...proven)).logins, [{ failed: false, cause: 'The user is signed in.' }])
      const expired: Came = ['verify', 'incorrect', { reason: 'expired', ...FLOW }]
      t.match((await explain(ignored, ...begun, expired)).logins, [{ failed: true, cause: saysOf('expired') }])
    }
  },
)
