import { isDeepStrictEqual } from 'node:util'
import type { DefineEvent } from '../clients/caller.js'
import { type LoginStage, stageText } from '../clients/login.js'
import { identifierAttributeOf, privateValues } from '../world/example.js'
import { abuses } from './abuses.js'
import { ownLogin } from './own-login.js'
import { type Scene, wantsPassword } from './scene.js'
import type { Seen, StepReport } from './step.js'

/** Tells how one user of a tenant signs in, what is refused meanwhile, and what is left behind; a step at a time. */
export async function* tellStory(scene: Scene): AsyncGenerator<StepReport> {
  yield await preLogin(scene)
  let stage: LoginStage | undefined
  yield await begin(scene, (reached) => (stage = reached))
  let proof = ''
  yield await ceremony(scene, (signed) => (proof = signed))
  yield await answer(scene, stage, proof)
  yield* ownLogin(scene)
  yield* abuses(scene, proof)
  yield await unknownIdentifier(scene)
  yield await postAppend(scene)
  yield await sameThroughHttp(scene)
  yield await logLines(scene)
}

function preLogin({ step, action, example }: Scene): Promise<StepReport> {
  return step(
    { step: 'pre-login', expected: 'the Cognito user name' },
    () => action('pre-login', { identifier: example.identifier }),
    ({ statusCode, body }) => {
      if (body.error) return { outcome: `${body.error.code}`, ok: false }
      return { outcome: `${body.identifier}`, ok: statusCode === 200 && body.identifier === example.person.username }
    },
  )
}

function begin(scene: Scene, reached: (stage: LoginStage) => void): Promise<StepReport> {
  const asked = wantsPassword(scene.example)
    ? { step: 'password (SRP)', expected: 'accepted, passkey asked for' }
    : { step: 'begin login', expected: 'passkey asked for' }
  return scene.step(
    { ...asked, detailed: true },
    () => scene.startLogin(),
    (stage) => {
      reached(stage)
      return { outcome: stage.kind === 'challenge' ? asked.expected : stageText(stage) }
    },
  )
}

function ceremony({ step, sign, example }: Scene, signed: (proof: string) => void): Promise<StepReport> {
  return step(
    { step: 'passkey ceremony', expected: 'signed passkey data' },
    () => sign(example.person.username),
    (proof) => {
      signed(proof)
      return { outcome: `JWT of ${proof.length} characters`, ok: proof.split('.').length === 3 }
    },
  )
}

function answer({ step, example }: Scene, stage: LoginStage | undefined, proof: string): Promise<StepReport> {
  return step(
    { step: 'answer with it', expected: 'tokens of this user', detailed: true },
    async () => (stage?.kind === 'challenge' ? stage.answer(proof) : stage),
    (end): Seen => {
      if (end?.kind !== 'tokens') return { outcome: end ? stageText(end) : 'there was no challenge', ok: false }
      return { outcome: end.username === example.person.username ? 'tokens of this user' : 'tokens of another user' }
    },
  )
}

function unknownIdentifier({ step, action, example }: Scene): Promise<StepReport> {
  const { tenant, unknownIdentifier: identifier } = example
  const shown = tenant.actions.preLogin?.unknownUser !== 'silent'
  const what = { email: 'e-mail', phone_number: 'phone number', preferred_username: 'name' }
  const text = (code: string | undefined, isShown: boolean | undefined) => `${code}, ${isShown ? 'told' : 'not told'}`
  return step(
    { step: `unknown ${what[identifierAttributeOf(tenant)]}`, expected: text('user_not_found', shown) },
    () => action('pre-login', { identifier }),
    ({ body }) => ({ outcome: body.error ? text(body.error.code, body.error.return) : `found ${body.identifier}` }),
  )
}

/** Cognito's name of each factor that post-append can set. */
const factors = { sms: 'SMS_MFA', email: 'EMAIL_OTP', 'software-token': 'SOFTWARE_TOKEN_MFA', none: 'none' }

function postAppend({ step, action, example, stack }: Scene): Promise<StepReport> {
  const { tenant, person } = example
  const preferred = () => stack.cognito.user(tenant.userPoolId, person.username)?.preferredMfa ?? 'none'
  const before = preferred()
  return step(
    { step: 'post-append: MFA', expected: `none → ${factors[tenant.actions.postAppend.mfa]}` },
    () => action('post-append', { username: person.username }),
    ({ statusCode }) => ({
      outcome: statusCode === 200 ? `${before} → ${preferred()}` : `answered with ${statusCode}`,
    }),
  )
}

/** Every define event of this story once more, through the other door. */
function sameThroughHttp({ step, caller, example, stack }: Scene): Promise<StepReport> {
  const { userPoolId } = example.tenant
  const isDefine = (event: unknown): event is DefineEvent => {
    const { triggerSource = '', ...rest } = event as Partial<DefineEvent>
    return rest.userPoolId === userPoolId && triggerSource.startsWith('DefineAuthChallenge')
  }
  const calls = stack.cognito.triggerCalls.flatMap(({ event, answer }) => (isDefine(event) ? [{ event, answer }] : []))
  return step(
    { step: 'same through HTTP', expected: "the Lambda door's answers" },
    () => Promise.all(calls.map(({ event }) => caller.send(caller.signDefine(event)))),
    (answers) => {
      const equal = answers.filter((answer, index) => isDeepStrictEqual(answer, calls[index]?.answer)).length
      return { outcome: `${equal} of ${calls.length} define answers equal`, ok: equal > 0 && equal === calls.length }
    },
  )
}

function logLines({ step, log, caller, calls, example, proofs }: Scene): Promise<StepReport> {
  return step(
    { step: 'log lines', expected: 'nothing private in them' },
    async () => [...privateValues(example), ...proofs, caller.secret],
    async (values) => {
      await Promise.all([log.triggerLines('lambda', calls()), log.triggerLines('container', caller.sent())])
      const text = log.lines.join('\n')
      const leaked = values.filter((value) => text.includes(value)).length
      const count = `${log.lines.length} lines`
      if (leaked > 0) return { outcome: `${leaked} of ${values.length} private values in ${count}`, ok: false }
      return { outcome: `none of ${values.length} private values in ${count}`, ok: log.lines.length > 0 }
    },
  )
}
