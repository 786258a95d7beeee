import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { fieldsOf } from '../../src/fields.js'
import { clients } from '../fixtures/clients.js'
import { CLIENT_ID } from '../fixtures/gateway.js'
import { abuse } from '../fixtures/leaks/abuse.js'
import { createCanaries } from '../fixtures/leaks/canaries.js'
import { type ContainerDoor, type Door, openContainerDoor, openLambdaDoor } from '../fixtures/leaks/doors.js'
import { faults, hostileAnswers, services } from '../fixtures/leaks/hostile.js'
import { actionInputs, allInputs, connectInputs, eventsOf, type Input, inputsFor } from '../fixtures/leaks/inputs.js'
import { type LeakTenant, openLeakWorld } from '../fixtures/leaks/world.js'

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
const runtime = 'dist/local/gateway/runtime.mjs'

// Less than a minute on a machine that has nothing else to do.
t.setTimeout(600_000)

/**
 * The gateways here are processes with deadlines of their own, which a busy machine may let pass: what must happen once is
 * then tried again. Whatever never happens fails all the same.
 */
const TRIES = 20
async function until<T>(done: (result: T) => boolean, run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const result = await run()
    if (done(result) || tries === TRIES) return result
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)

t.test('the search', async (t) => {
  const canaries = createCanaries()
  const { is, leaksIn } = canaries
  const around = (value: string) => `{"level":"info","x":"${value}"}`

  t.test('finds a canary in every form, and cut in half', async (t) => {
    const forms = (value: string) => [
      value,
      value.slice(0, 12),
      value.slice(-12),
      [...value].reverse().join(''),
      JSON.stringify(JSON.stringify({ value })),
      encodeURIComponent(value),
      Buffer.from(value).toString('hex'),
      ...['', '1', '12', '123'].flatMap((before) =>
        ['', 'x', 'xy'].flatMap((after) => [
          Buffer.from(before + value + after).toString('base64'),
          Buffer.from(before + value + after).toString('base64url'),
        ]),
      ),
    ]
    const missed = Object.entries(is).flatMap(([name, value]) =>
      forms(value)
        .filter((form) => leaksIn(around(form)).length === 0)
        .map((form) => `${name}: ${form}`),
    )
    t.strictSame(missed, [])
  })

  t.test('finds nothing in what may be printed', async (t) => {
    t.strictSame(leaksIn(around(createCanaries().all)), [], 'canaries of another run')
    t.strictSame(leaksIn(`${JSON.stringify(process.memoryUsage())} ${new Date().toISOString()}`), [])
  })
})

t.test('nothing that is entrusted to the gateway is printed or told', async (t) => {
  const world = await openLeakWorld(t)
  const { canaries, fronts, stack, alias, envAt } = world
  const told: string[] = []
  const first = await world.addTenant()

  const lambdaAt = (level: string) =>
    openLambdaDoor({ name: `Lambda at ${level}`, env: envAt(level), canaries, alias, runtime })
  const containerAt = (level: string) =>
    openContainerDoor({ name: `container at ${level}`, env: envAt(level), canaries, alias })
  const httpAt = (level: string) => {
    const name = `Lambda over HTTP at ${level}`
    return openLambdaDoor({ name, env: envAt(level), canaries, alias, runtime, overHttp: true })
  }
  const containers: ContainerDoor[] = await Promise.all(levels.map(containerAt))
  const lambdas = levels.map(lambdaAt)
  // The levels between print what trace prints, less some lines; whether they do is seen at the other two.
  const overHttp = ['trace', 'silent'].map(httpAt)
  const doors: Door[] = [...containers, ...lambdas, ...overHttp]
  const stopped: Door[] = []
  const stop = (some: readonly Door[]) =>
    Promise.all(
      some.map(async (door) => {
        if (stopped.includes(door)) return
        stopped.push(door)
        await door.stop()
      }),
    )
  /** Those that a whole login goes through: what hangs would hold them up for too long. */
  const patient: Door[] = []
  t.teardown(() => stop([...doors, ...patient]))

  /** Sends inputs through a door, one after the other. Those that it served. */
  async function sendThrough(door: Door, inputs: readonly Input[], mayTell = false): Promise<Input[]> {
    const served: Input[] = []
    for (const input of inputs) {
      const { refusal } = await door.send(input)
      if (refusal === undefined) served.push(input)
      else if (!mayTell) told.push(`${door.name}: ${refusal}`)
    }
    return served
  }

  /** Sends inputs through all doors at once. How many each of them served. */
  const sendAll = (some: readonly Door[], inputs: readonly Input[], mayTell = false): Promise<number[]> =>
    Promise.all(some.map(async (door) => (await sendThrough(door, inputs, mayTell)).length))

  t.test('of any input', async (t) => {
    // The second answers with made-up names to what nobody has.
    const inputs = [...allInputs(canaries, first), ...actionInputs(canaries, await world.addTenant())]
    await Promise.all(
      doors.map(async (door) => {
        const served = new Set<Input>()
        const { size } = await until(
          ({ size }) => size > 30,
          async () => {
            const rest = inputs.filter((input) => !served.has(input))
            for (const input of await sendThrough(door, rest)) served.add(input)
            return served
          },
        )
        t.ok(size > 30, `${door.name}: ${size} of ${inputs.length} inputs served`)
      }),
    )
    for (const door of containers) told.push(...(await abuse(door, canaries, first)))
  })

  t.test('of a login that succeeds', async (t) => {
    const proofOfUser = () => stack.corbado.sign('pro-1001', canaries.is['user name'])
    const event = eventsOf(canaries, first)
    async function logIn(door: Door): Promise<string> {
      const created = await door.send({ kind: 'trigger', payload: event('CreateAuthChallenge_Authentication') })
      const [, nonce] = /"nonce":"([\w-]+)"/.exec(JSON.stringify(created).replaceAll('\\', '')) ?? []
      const challengeAnswer = canaries.add('proof of a login', await proofOfUser())
      const privateChallengeParameters = { cognitoID: canaries.is['user name'], nonce }
      const payload = event('VerifyAuthChallengeResponse_Authentication', {
        challengeAnswer,
        privateChallengeParameters,
      })
      return JSON.stringify(await door.send({ kind: 'trigger', payload }))
    }
    const correct = /answerCorrect\\?":true/
    for (const door of doors) {
      const verdict = await until(
        (reply) => correct.test(reply),
        () => logIn(door),
      )
      t.match(verdict, correct, door.name)
    }
    for (const door of lambdas.slice(0, 1)) {
      stack.deploy(door.runner, [alias])
      const { url: endpoint } = stack.cognito
      const app = clients.identityJs.open({ endpoint, userPoolId: first.userPoolId, clientId: CLIENT_ID })
      const stage = await until(
        (kind) => kind === 'signed in',
        async () => {
          await app.signIn(canaries.is['user name'])
          return (await app.answer(canaries.add('proof of a client', await proofOfUser()))).kind
        },
      )
      t.equal(stage, 'signed in', door.name)
      for (const [key, value] of app.storage) canaries.carry(canaries.add(`client's ${key.split('.').at(-1)}`, value))
    }
  })

  t.test('of a session that post-login hands out, and of a connect token', async (t) => {
    const { userPoolId } = first
    /** What a door's answer holds, whatever the door wraps it in. */
    const foundIn = (reply: unknown, field: string) =>
      new RegExp(`"${field}":"([^"]+)"`).exec(JSON.stringify(reply).replaceAll('\\', ''))?.[1] ?? ''
    const env = envAt('trace', true)
    const lambda = openLambdaDoor({ name: 'patient Lambda', env, canaries, alias, runtime })
    const overHttp = openLambdaDoor({ name: 'patient Lambda over HTTP', env, canaries, alias, runtime, overHttp: true })
    patient.push(lambda, overHttp, await openContainerDoor({ name: 'patient container', env, canaries, alias }))
    // Cognito asks the gateway itself while post-login signs in.
    stack.deploy(lambda.runner, [alias])
    for (const door of patient) {
      const session = await until(
        (reply) => foundIn(reply, 'RefreshToken') !== '',
        async () => {
          const signedPasskeyData = canaries.add(
            'proof of a post-login',
            await stack.corbado.sign('pro-1001', canaries.is['user name']),
          )
          return door.send({ kind: 'action', payload: { action: 'post-login', userPoolId, signedPasskeyData } })
        },
      )
      for (const name of ['IdToken', 'AccessToken', 'RefreshToken']) {
        const token = foundIn(session, name)
        t.ok(token, `${door.name}: ${name}`, { found: session })
        // The end alone, since all tokens begin alike.
        canaries.add(`end of an ${name} of post-login`, token.slice(-48))
      }
      const [ask] = connectInputs(canaries, first)
      const given =
        ask &&
        (await until(
          (reply) => foundIn(reply, 'connectToken') !== '',
          () => door.send(ask),
        ))
      t.ok(canaries.add('connect token', foundIn(given, 'connectToken')), `${door.name}: a connect token`)
      // They were in its hands before the search knew of them.
      canaries.carry(JSON.stringify([session, given]))
    }
  })

  for (const service of services) {
    t.test(`of any failure or answer of ${service}`, async (t) => {
      const troubles = (tenant: LeakTenant) => [...faults, ...hostileAnswers(service, canaries, tenant.record)]
      const front = fronts[service]
      for (const [number, { what, told: mayTell = false }] of troubles(first).entries()) {
        const met = await until(
          (count) => count >= doors.length,
          async () => {
            const tenant = await world.addTenant()
            const before = front.troubled
            await front.setTrouble(troubles(tenant)[number])
            await sendAll(doors, inputsFor(service, canaries, tenant), mayTell)
            await front.setTrouble(undefined)
            return what === 'refuse' ? doors.length : front.troubled - before
          },
        )
        t.ok(met >= doors.length, `${what}: ${met} requests met it`)
      }
      canaries.carry(canaries.all)
    })
  }

  t.test('of a process that starts into failure', async (t) => {
    const young = [await containerAt('trace'), lambdaAt('trace'), httpAt('trace')]
    doors.push(...young)
    const tenant = await world.addTenant()
    for (const service of services) {
      await fronts[service].setTrouble(hostileAnswers(service, canaries, tenant.record)[1])
    }
    const inputs = services.flatMap((one) => inputsFor(one, canaries, tenant))
    // The Lambda door lets migrations pass; nothing else can be done, and a server cannot know its caller.
    const migrations = inputs.filter(({ payload }) => /^UserMigration_/.test(String(fieldsOf(payload).triggerSource)))
    t.strictSame(await sendAll(young, inputs), [0, migrations.length, 0])
    for (const service of services) await fronts[service].setTrouble(undefined)
  })

  t.test('of a setting that holds a secret in place of its name', async (t) => {
    const settings = [
      ['CALLER_SECRETS_PARAMETER', canaries.is['caller secret']],
      ['PSEUDONYM_KEY_PARAMETER', canaries.is['pseudonym key']],
    ] as const
    const starts = settings.flatMap(([name, value]) =>
      ['dist/server.mjs', 'dist/lambda/index.mjs'].map(async (entry) => {
        const env = { PATH: process.env.PATH, ...envAt('trace'), [name]: value }
        const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'pipe'] })
        const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
        t.match(out + err, name)
        told.push(`${entry}: ${out}${err}`)
      }),
    )
    await Promise.all(starts)
  })

  t.test('as the search of everything shows', async (t) => {
    for (const { metricsUrl } of containers) told.push(await (await fetch(metricsUrl)).text())
    await stop([...doors, ...patient])
    t.strictSame(
      containers.map(({ exitCode }) => exitCode),
      levels.map(() => 0),
    )
    t.strictSame(canaries.uncarried(), [], 'every canary was in the hands of the gateway')
    const all = [...doors, ...patient]
    for (const door of all) t.strictSame(canaries.leaksIn(door.printed()), [], `printed by ${door.name}`)
    t.strictSame(canaries.leaksIn(told.join('\n')), [], 'told to callers')
    const printed = sum(all.map((door) => door.printed().length))
    t.comment(`${all.length} processes, ${printed} characters printed, ${told.length} refusals`)
  })
})
