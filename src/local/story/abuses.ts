import { stageText } from '../clients/login.js'
import { type Scene, wantsPassword } from './scene.js'
import type { Seen, StepReport } from './step.js'

/** What an attacker would try. Each refusal must be for its own reason: a gateway that is down refuses too. */
export async function* abuses(scene: Scene, usedProof: string): AsyncGenerator<StepReport> {
  const { example, sign } = scene
  yield await refusedProof(scene, "another user's proof", 'user_mismatch', () => sign(example.other.username))
  yield await refusedProof(scene, 'proof used before', 'invalid_challenge', async () => usedProof)
  if (wantsPassword(example)) {
    yield await wrongPassword(scene)
    yield await refusedStart(scene, 'passkey, no password', 'none', 'unexpected_challenge')
  } else {
    yield await refusedStart(scene, 'password, no passkey', 'right', 'foreign_challenge')
  }
}

const refused = (reason: string) => `refused: ${reason}`

/** A new login, whose challenge is answered with a proof that must not open it. */
function refusedProof(
  { step, startLogin, calls, refusalSince }: Scene,
  name: string,
  reason: string,
  proof: () => Promise<string>,
) {
  let call = 0
  return step(
    { step: name, expected: refused(reason) },
    async () => {
      const [stage, data] = [await startLogin(), await proof()]
      call = calls()
      if (stage.kind !== 'challenge') throw new Error(`there was no challenge but ${stage.kind}`)
      return stage.answer(data)
    },
    async (end): Promise<Seen> => ({
      outcome: end.kind === 'tokens' ? stageText(end) : refused(await refusalSince(call)),
    }),
  )
}

/** The other way in, which the tenant's flow does not have. */
function refusedStart(
  { step, startLogin, calls, refusalSince }: Scene,
  name: string,
  how: 'none' | 'right',
  reason: string,
) {
  const call = calls()
  return step(
    { step: name, expected: refused(reason) },
    () => startLogin(how),
    async (stage): Promise<Seen> => {
      return { outcome: stage.kind === 'refused' ? refused(await refusalSince(call)) : stageText(stage) }
    },
  )
}

/** Cognito checks the password, and asks the gateway nothing if it is wrong. */
function wrongPassword({ step, startLogin }: Scene) {
  return step(
    { step: 'wrong password', expected: 'refused by Cognito' },
    () => startLogin('wrong'),
    (stage) => {
      if (stage.kind !== 'refused') return { outcome: stageText(stage), ok: false }
      return { outcome: stage.error, ok: stage.error === 'NotAuthorizedException' }
    },
  )
}
