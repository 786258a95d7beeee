import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import t from 'tap'
import { hostedArn, putTenantRecord } from '../../src/local/world/tenants.js'
import { clients } from '../fixtures/clients.js'
import { CLIENT_ID } from '../fixtures/gateway.js'
import { type LambdaDoor, openLambdaDoor } from '../fixtures/leaks/doors.js'
import type { Say } from '../fixtures/leaks/front.js'
import { hostileAnswers, services } from '../fixtures/leaks/hostile.js'
import { allInputs, eventsOf, type Input, inputsFor } from '../fixtures/leaks/inputs.js'
import { openLeakWorld } from '../fixtures/leaks/world.js'
import { startClientProcess } from './client-process.js'

/** How setup.mjs ends if a tool to build with is missing. */
const NOT_POSSIBLE = 3
const modules = resolve('test/runtime/node_modules')
const node = `${modules}/node24/bin/node`

// A first run builds the runtime client, on a machine that may be busy.
t.setTimeout(600_000)

/** Installs the runtime client; false where that is not possible, which is a failure in CI and is said elsewhere. */
function setUp(): boolean {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['test/runtime/setup.mjs'], { encoding: 'utf8' })
  t.comment(`setup: ${stdout.trim() || stderr.trim() || 'installed before'}`)
  if (status === NOT_POSSIBLE && process.env.CI !== 'true') {
    t.comment(`NOT RUN: AWS's own runtime client did not run the bundle. ${stderr}`)
    return false
  }
  return t.equal(status, 0, `the runtime client is installed ${stderr}`)
}

if (setUp()) {
  t.test("the bundle runs under AWS's own runtime client on Node 24", async (t) => {
    t.match(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout, /^v24\./)
    const world = await openLeakWorld(t)
    const { canaries, stack, fronts, alias } = world
    const tenant = await world.addTenant()
    const told: string[] = []

    const runtime = `${modules}/aws-lambda-ric/index.mjs`
    const openDoor = (format: string, settings: Record<string, string> = {}): LambdaDoor => {
      const env = environment(format, settings)
      const door = openLambdaDoor({ name: `${format} log`, env, canaries, alias, runtime, node })
      t.teardown(door.stop)
      return door
    }
    function environment(format: string, settings: Record<string, string> = {}): Record<string, string> {
      return {
        ...world.envAt('trace'),
        LAMBDA_TASK_ROOT: resolve('dist/lambda'),
        AWS_LAMBDA_FUNCTION_NAME: 'corbado-cognito-gateway',
        AWS_LAMBDA_FUNCTION_VERSION: '1',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
        AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/corbado-cognito-gateway',
        AWS_LAMBDA_LOG_STREAM_NAME: 'local',
        AWS_LAMBDA_LOG_FORMAT: format,
        ...settings,
      }
    }
    const doors = ['Text', 'JSON'].map((format) => openDoor(format))

    for (const door of doors) {
      t.test(`and signs a user in, with a ${door.name}`, async (t) => {
        stack.deploy(door.runner, [alias])
        const { url: endpoint } = stack.cognito
        const { userPoolId } = tenant
        const app = clients.identityJs.open({ endpoint, userPoolId, clientId: CLIENT_ID })
        const username = canaries.is['user name']
        await app.signIn(username)
        t.equal((await app.answer(canaries.is.proof)).kind, 'challenge', 'a wrong answer')
        const proof = canaries.add('proof of a client', await stack.corbado.sign('pro-1001', username))
        t.equal((await app.answer(proof)).kind, 'signed in')
      })

      t.test(`and what it throws is one sentence and a reference, with a ${door.name}`, async (t) => {
        const payload = eventsOf(canaries, tenant)('CustomEmailSender_ForgotPassword', {
          code: canaries.is['sender code'],
        })
        const before = door.printed().length
        const { refusal = '' } = await door.send({ kind: 'trigger', payload })
        told.push(refusal)
        const sentence = 'This message cannot be sent\\. \\(ref [\\da-f-]{36}\\)'
        t.match(refusal, new RegExp(`^Error\\n${sentence}\\nError: ${sentence}$`))
        const error =
          door
            .printed()
            .slice(before)
            .split('\n')
            .find((line) => line.includes('errorMessage')) ?? ''
        const { errorType, errorMessage, stackTrace, stack, ...more } = errorIn(error)
        t.match({ errorType, errorMessage }, { errorType: 'Error', errorMessage: new RegExp(`^${sentence}$`) })
        t.strictSame(stackTrace ?? stack, [`Error: ${errorMessage}`], 'no frame of ours')
        t.strictSame(Object.keys(more), [], 'no other property')
      })
    }

    for (const door of doors) {
      t.test(`and what the customer's own function throws goes to Cognito alone, with a ${door.name}`, async (t) => {
        const said = `Not for ${canaries.is.email}`
        const answer = JSON.stringify({ errorType: 'Error', errorMessage: said })
        const say: Say = (response) => response.writeHead(200, { 'x-amz-function-error': 'Unhandled' }).end(answer)
        await fronts.lambda.setTrouble({ what: 'an error of its own', say })
        const before = door.printed().length
        const [migration] = inputsFor('lambda', canaries, tenant)
        const { refusal = '' } = await door.send(migration as Input)
        await fronts.lambda.setTrouble(undefined)
        t.match(refusal, `Error\n${said}\n`)
        const lines = door.printed().slice(before)
        t.match(lines, "What the customer's own function said is not logged.")
        t.match(lines, '"reason":"chain_threw"')
        t.strictSame(canaries.leaksIn(lines), [])
      })
    }

    t.test('and a trigger that throws is shown to the user by Cognito as that sentence', async (t) => {
      const [door] = doors
      if (door) stack.deploy(door.runner, [alias])
      const suspended = await world.addTenant()
      const { userPoolId, file } = suspended
      // Cognito knows a pool by its client, and the other tenants share one.
      const clientId = `${CLIENT_ID}suspended`
      const login = { clientIds: [clientId] }
      await putTenantRecord(stack, { ...file, login, status: 'suspended' }, userPoolId, 2)
      stack.cognito.putPool({
        ...{ userPoolId, accountId: file.aws.accountId, region: file.aws.region, aliasAttributes: [] },
        lambdaConfig: {
          DefineAuthChallenge: hostedArn(alias),
          CreateAuthChallenge: hostedArn(alias),
          VerifyAuthChallengeResponse: hostedArn(alias),
        },
        clients: [{ clientId, preventUserExistenceErrors: true, allowCustomAuth: true }],
      })
      const { url: endpoint } = stack.cognito
      const app = clients.identityJs.open({ endpoint, userPoolId, clientId })
      const thrown = await app.signIn(canaries.is['user name']).catch((error: Error) => error)
      const { name, message } = thrown as Error
      const shown = { name, message }
      t.match(shown, {
        name: 'UserLambdaValidationException',
        message:
          /^DefineAuthChallenge failed with error Sign-in with a passkey is not available right now\. \(ref [\da-f-]{36}\)\.$/,
      })
    })

    t.test('and a process answers its first event, and ends at SIGTERM', async (t) => {
      const event = eventsOf(canaries, tenant)('DefineAuthChallenge_Authentication', { session: [] })
      const runs: { readyMs: number; answerMs: number; endMs: number }[] = []
      for (let round = 0; round < 3; round += 1) {
        const process = await startClientProcess(t, { runtime, node, env: environment('Text') })
        const { answer, sinceStartMs } = await process.invoke(event, hostedArn(alias))
        t.match(answer, { ...event, response: { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false } })
        await process.invoke(event, hostedArn(alias))
        const { code, signal, afterMs } = await process.terminate()
        t.ok(code === 0 || signal === 'SIGTERM', `ended by itself or by the signal: ${code} ${signal}`)
        runs.push({ readyMs: await process.ready(), answerMs: sinceStartMs, endMs: afterMs })
        const lines = process.printed.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
        t.match(lines, [{ coldStart: true }, { coldStart: false }])
        t.equal(lines.length, 2, 'no line more and none lost')
        t.strictSame(canaries.leaksIn(process.printed.join('\n')), [])
      }
      const median = (name: keyof (typeof runs)[number]) =>
        Math.round(runs.map((run) => run[name]).sort((a, b) => a - b)[1] ?? 0)
      t.comment(
        `medians of ${runs.length}, from process start: ready after ${median('readyMs')} ms, first answer after ` +
          `${median('answerMs')} ms (Cognito waits 5,000); end after ${median('endMs')} ms (Lambda gives 300)`,
      )
    })

    t.test('and nothing that is entrusted to it is printed or told', async (t) => {
      async function send(door: LambdaDoor, inputs: readonly Input[], mayTell = false): Promise<void> {
        for (const input of inputs) {
          const { refusal = '' } = await door.send(input)
          if (!mayTell) told.push(refusal)
        }
      }
      await Promise.all(doors.map((door) => send(door, allInputs(canaries, tenant))))
      for (const service of services) {
        for (const [number, { what, told: mayTell }] of hostileAnswers(service, canaries, tenant.record).entries()) {
          const fresh = await world.addTenant()
          const before = fronts[service].troubled
          await fronts[service].setTrouble(hostileAnswers(service, canaries, fresh.record)[number])
          await Promise.all(doors.map((door) => send(door, inputsFor(service, canaries, fresh), mayTell)))
          await fronts[service].setTrouble(undefined)
          t.not(fronts[service].troubled, before, `${service}: ${what}`)
        }
      }
      const unset = openDoor('Text', { TENANT_TABLE: '', CALLER_SECRETS_PARAMETER: canaries.is['caller secret'] })
      await send(unset, [{ kind: 'payload', payload: canaries.all }])
      doors.push(unset)

      await Promise.all(doors.map((door) => door.stop()))
      t.strictSame(canaries.uncarried(), [], 'every canary was in the hands of the gateway')
      for (const door of doors) t.strictSame(canaries.leaksIn(door.printed()), [], `printed with a ${door.name}`)
      t.strictSame(canaries.leaksIn(told.join('\n')), [], 'told to callers')
      t.match(unset.printed(), 'TENANT_TABLE is not set')
      const [{ length }] = [doors.map((door) => door.printed()).join('')]
      t.comment(`${length} characters printed, ${told.length} answers`)
    })
  })
}

/** The error that the runtime client prints: after tabs in its text form, in a line of its own in the JSON form. */
function errorIn(line: string): Record<string, unknown> {
  const parsed: Record<string, unknown> = JSON.parse(line.split('\t').at(-1) ?? '')
  const { message } = parsed
  return typeof message === 'object' && message !== null ? { ...message } : parsed
}
