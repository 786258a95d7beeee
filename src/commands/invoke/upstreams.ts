import type { Upstreams } from '../../upstreams/index.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'

/** The gateway's upstreams as an operator has them, and what was not done. */
export interface TryingUpstreams {
  readonly upstreams: Upstreams
  /** One sentence for each call that a dry run left out. */
  readonly notDone: readonly string[]
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
  if (write) return { upstreams: { ...operator, assumeRole }, notDone }
  const upstreams: Upstreams = {
    ...operator,
    assumeRole,
    userPool: (...pool) => ({
      ...operator.userPool(...pool),
      async preferMfa(_username, factor) {
        notDone.push(`AdminSetUserMFAPreference was not called: the user would get the factor ${factor}, preferred.`)
      },
    }),
    async verifySignedData() {
      notDone.push('verifySignedData was not called, as it uses the proof up: that Corbado said success is assumed.')
      return { kind: 'result', result: 'success' }
    },
  }
  return { upstreams, notDone }
}
