import { type LoginStage, stageText } from '../clients/login.js'
import type { Scene } from './scene.js'
import type { Seen, StepReport } from './step.js'

/** How a customer's own login goes on at another app client, and that neither side's proof opens the other's. */
export async function* ownLogin(scene: Scene): AsyncGenerator<StepReport> {
  const { ownLogin: own, person } = scene.example
  if (!own) return
  yield await scene.step(
    { step: 'code by mail', expected: 'tokens of this user', detailed: true },
    async () => answered(await scene.startOwnLogin(own.clientId), own.outbox.last()),
    (end): Seen => {
      if (end.kind !== 'tokens') return { outcome: stageText(end), ok: false }
      return { outcome: end.username === person.username ? 'tokens of this user' : 'tokens of another user' }
    },
  )
  yield await scene.step(
    { step: 'passkey as a code', expected: 'asked again' },
    async () => answered(await scene.startOwnLogin(own.clientId), await scene.sign(person.username)),
    (end): Seen => ({ outcome: end.kind === 'challenge' ? 'asked again' : stageText(end) }),
  )
  let call = 0
  yield await scene.step(
    { step: 'code as a passkey', expected: 'refused: malformed_answer' },
    async () => {
      const stage = await scene.startLogin()
      call = scene.calls()
      return answered(stage, own.outbox.last())
    },
    async (end): Promise<Seen> => ({
      outcome: end.kind === 'tokens' ? stageText(end) : `refused: ${await scene.refusalSince(call)}`,
    }),
  )
}

async function answered(stage: LoginStage, answer: string): Promise<LoginStage> {
  if (stage.kind !== 'challenge') throw new Error(`there was no challenge but ${stage.kind}`)
  return stage.answer(answer)
}
