import { type Clock, systemClock } from '../../call.js'
import { type ChallengeName, readVerify } from './answers.js'
import { type CustomChallenge, continueLogin, type Pending } from './challenge.js'
import type { Issuer } from './issuer.js'
import { type Login, loginFailed, startLogin, triggerRequest } from './login.js'
import { provesPassword } from './password.js'
import { assertPassword, startPasswordLogin } from './password-login.js'
import type { Pools } from './pools.js'
import { createSessions } from './sessions.js'
import { createSteps } from './steps.js'
import type { Fire } from './triggers.js'
import { type Fields, readParameter, readTextMap } from './wire.js'

const passed = (challengeName: ChallengeName) => ({ challengeName, challengeResult: true, challengeMetadata: null })

/**
 * Cognito's custom authentication flow: InitiateAuth and RespondToAuthChallenge, public and admin alike; and a login by
 * password alone, which has nothing to do with it.
 */
export function createFlow(pools: Pools, fire: Fire, issuer: Issuer, clock: Clock) {
  const sessions = createSessions<Pending>(clock)
  const { proceed, issueTokens } = createSteps(fire, sessions, issuer)

  async function verify(login: Login, challenge: CustomChallenge, challengeAnswer: string) {
    const { challengeName, privateParameters: privateChallengeParameters, metadata: challengeMetadata } = challenge
    const correct = await fire('VerifyAuthChallengeResponse', login, {
      request: { ...triggerRequest(login), privateChallengeParameters, challengeAnswer },
      response: { answerCorrect: null },
      read: readVerify,
    })
    return { challengeName, challengeResult: correct === true, challengeMetadata }
  }

  /** Sets the password, which also makes the user CONFIRMED. */
  function changePassword(login: Login, responses: Record<string, string>): Login {
    const { user, userName, pool } = login
    const password = readParameter(responses, 'NEW_PASSWORD')
    pools.putUser(pool.userPoolId, { ...user, username: userName, password, status: 'CONFIRMED' })
    return { ...login, user: pools.user(pool.userPoolId, userName) }
  }

  return {
    async initiate(fields: Fields) {
      const byPassword = fields.AuthFlow === 'USER_PASSWORD_AUTH'
      const login = byPassword ? startPasswordLogin(pools, fields) : startLogin(pools, fields)
      // Of a login's first call, only this trigger sees what the client sent along (fact A11).
      await fire('PreAuthentication', login, {
        request: { ...triggerRequest(login), validationData: readTextMap(fields, 'ClientMetadata') },
        response: {},
        read: () => true,
      })
      return byPassword ? issueTokens(assertPassword(login, fields)) : proceed(login)
    },

    async respond(fields: Fields) {
      const { login, challenge, responses } = continueLogin(pools, sessions, fields)
      const { challengeName } = challenge
      const next = (after: Login, result: Login['results'][number]) =>
        proceed({ ...after, results: [...after.results, result] })
      if (challengeName === 'CUSTOM_CHALLENGE') {
        return next(login, await verify(login, challenge, readParameter(responses, 'ANSWER')))
      }
      if (challengeName === 'NEW_PASSWORD_REQUIRED') {
        return next(changePassword(login, responses), passed(challengeName))
      }
      // The time is the machine's, as it is the client's: a test's clock moves sessions and tokens only.
      if (!provesPassword(challenge, responses, systemClock.now())) throw loginFailed()
      return next(login, passed(challengeName))
    },
  }
}
