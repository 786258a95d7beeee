import { falseProof } from '../../operator/doctor/checks/corbado.js'
import type { Upstreams } from '../../upstreams/index.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'

/** The gateway's upstreams as an operator has them, and what was not done. */
interface TryingUpstreams {
  readonly upstreams: Upstreams
  /** One sentence for each call that a dry run left out. */
  readonly notDone: readonly string[]
  /** What the decision rests on that nobody has said. */
  readonly assumed: readonly string[]
}

/**
 * What the app works with when an operator tries it: customers' roles are assumed as the doctor, since an operator may not;
 * and unless `write`, calls that change something are left out, as if they had gone well.
 */
export function createTryingUpstreams(
  operator: OperatorUpstreams,
  assumeRole: Upstreams['assumeRole'],
  write: boolean,
): TryingUpstreams {
  const notDone: string[] = []
  const assumed: string[] = []
  if (write) return { upstreams: { ...operator, assumeRole }, notDone, assumed }
  const upstreams: Upstreams = {
    ...operator,
    assumeRole,
    userPool: (...pool) => ({
      ...operator.userPool(...pool),
      async preferMfa(_username, factor) {
        notDone.push(`AdminSetUserMFAPreference was not called: the user would get the factor ${factor}, preferred.`)
      },
      async startLogin(client, username) {
        notDone.push(`AdminInitiateAuth was not called: a login of ${client.clientId} would begin.`)
        assumed.push('that Cognito asks for the passkey')
        return { kind: 'challenge', name: 'CUSTOM_CHALLENGE', username, session: '' }
      },
      async answerLogin() {
        notDone.push('AdminRespondToAuthChallenge was not called with this proof, as that uses it up.')
        assumed.push('that the proof is right: then Cognito issues tokens')
        return { kind: 'tokens', tokens: {}, username: undefined }
      },
    }),
    async verifySignedData(request, call) {
      // A proof that no key signed uses nothing up, and shows what a real one would meet before it is looked at.
      const tried = await operator.verifySignedData({ ...request, signedPasskeyData: falseProof('pro-0') }, call)
      if (tried.kind !== 'result' && tried.kind !== 'rejected') return tried
      notDone.push('verifySignedData was not called with this proof, as that uses it up.')
      assumed.push('that Corbado says success of this proof')
      return { kind: 'result', result: 'success' }
    },
  }
  return { upstreams, notDone, assumed }
}
