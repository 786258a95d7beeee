import { answer, beginLogin, type Step } from '../auth.js'
import { keepName } from '../names.js'
import type { Proof } from '../passkeys.js'
import type { Shop } from '../shop.js'
import { REFUSED, Told } from '../words.js'

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
    throw new Told('passkey_refused', REFUSED.passkey)
  }
  memory.byPasskey = true
  if (name !== undefined) keepName(tenant.tenantId, proof.username, name)
  shop.follow(next, 'Signed in with your passkey.')
  return 'Signed in with your passkey.'
}

/** Goes where Cognito's answer leads: to the passkey, if that is what a password was the first half for. */
export async function goOn(shop: Shop, step: Step, told = 'A code is asked for as well.'): Promise<string> {
  const { passkey, identifier } = shop.memory
  if (step.kind === 'challenge' && passkey !== undefined) {
    delete shop.memory.passkey
    return finishWithProof(shop, await passkey.use(), identifier, true)
  }
  shop.follow(step, step.kind === 'done' ? told : undefined)
  return told
}
