import { answer, beginLogin, type Step } from '../auth.js'
import { keepName } from '../names.js'
import type { Proof } from '../passkeys.js'
import type { Shop } from '../shop.js'
import { REFUSED, Told, toldOf } from '../words.js'

/**
 * Shows Cognito the proof that a passkey was used. The gateway's triggers decide; a refused proof is answered with the same
 * challenge once more, as long as attempts are left, and a proof works once.
 * @param begun Cognito has asked already, after the password
 */
export async function finishWithProof(shop: Shop, proof: Proof, name?: string, begun = false): Promise<string> {
  const { tenant, memory } = shop
  if (!begun) {
    const step = await beginLogin(tenant, proof.username)
    if (step.kind !== 'challenge') throw new Told('no_challenge', 'This account cannot sign in with a passkey.')
  }
  const next = await answer(proof.signedPasskeyData)
  if (next.kind === 'challenge') {
    throw new Told('passkey_refused', REFUSED[begun ? 'second passkey' : 'passkey'])
  }
  memory.byPasskey = true
  if (name !== undefined) keepName(tenant.tenantId, proof.username, name)
  shop.follow(next, 'Signed in with your passkey.')
  return 'Signed in with your passkey.'
}

/** Goes where Cognito's answer leads: to the passkey, if that is what a password was the first half for. */
export async function goOn(shop: Shop, step: Step, told: string): Promise<string> {
  const { passkey, identifier } = shop.memory
  if (step.kind === 'challenge' && passkey !== undefined) {
    delete shop.memory.passkey
    // By now the password was right, whatever Cognito calls it.
    const proof = passkey.use().then((used) => finishWithProof(shop, used, identifier, true))
    return proof.catch((error) => {
      throw toldOf(error, 'second passkey')
    })
  }
  if (step.kind !== 'done') {
    shop.follow(step)
    return 'A code is asked for as well.'
  }
  shop.follow(step, told)
  return told
}
