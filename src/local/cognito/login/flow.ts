import { type Clock, systemClock } from '../../../call.js'
import type { Fields } from '../../../fields.js'
import type { Outbox } from '../pool/outbox.js'
import type { MfaFactor, Pools } from '../pool/pools.js'
import { type ChallengeName, type Fire, invalidResponse, readCreate, readDefine, readVerify } from '../pool/triggers.js'
import { Refusal, readParameter, readTextMap } from '../pool/wire.js'
import {
  type Challenge,
  type CustomChallenge,
  continueLogin,
  createSessions,
  type Pending,
  type Sessions,
} from './challenge.js'
import {
  assertPassword,
  type Login,
  loginFailed,
  startLogin,
  startPasswordLogin,
  startSrpLogin,
  triggerRequest,
} from './login.js'
import { createPasswordChallenge, provesPassword } from './password.js'
import { createFactorChallenge, factorOf } from './second-factor.js'
import type { Issuer } from './tokens.js'

const passed = (challengeName: ChallengeName | MfaFactor) => ({
  challengeName,
  challengeResult: true,
  challengeMetadata: null,
})

/** The steps between a client's call and Cognito's answer; Define decides which. */
function createSteps(fire: Fire, sessions: Sessions<Pending>, issuer: Issuer, outbox: Outbox) {
  const ask = (login: Login, challenge: Challenge, parameters: Record<string, string>) => ({
    ChallengeName: challenge.challengeName,
    ChallengeParameters: parameters,
    Session: sessions.issue({ login, challenge }),
  })

  async function askCustom(login: Login) {
    const challengeName = 'CUSTOM_CHALLENGE'
    const created = await fire('CreateAuthChallenge', login, {
      request: { ...triggerRequest(login), challengeName, session: login.results },
      response: { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null },
      read: readCreate,
    })
    if (!created) throw loginFailed()
    const { publicParameters, privateParameters, metadata } = created
    const parameters = { ...publicParameters, USERNAME: login.userName }
    return ask(login, { challengeName, privateParameters, metadata }, parameters)
  }

  function askPassword(login: Login) {
    // Without SRP_A, no answer can prove the password.
    if (login.clientKey === undefined) throw invalidResponse()
    const { challenge, parameters } = createPasswordChallenge(login, login.clientKey)
    return ask(login, { challengeName: 'PASSWORD_VERIFIER', ...challenge }, parameters)
  }

  function askNewPassword(login: Login) {
    const { user, results } = login
    // AWS documents it for users who have just shown the old one (fact A18); else anyone could set a password.
    const shown =
      login.flow === 'password' || results.some(({ challengeName }) => challengeName === 'PASSWORD_VERIFIER')
    if (!user || !shown) throw invalidResponse()
    const { sub, ...userAttributes } = user.attributes
    return ask(
      login,
      { challengeName: 'NEW_PASSWORD_REQUIRED' },
      {
        USER_ID_FOR_SRP: login.userName,
        requiredAttributes: '[]',
        userAttributes: JSON.stringify(userAttributes),
      },
    )
  }

  async function issueTokens(login: Login) {
    const { user } = login
    if (!user) throw loginFailed()
    if (user.status === 'UNCONFIRMED') throw new Refusal('UserNotConfirmedException', 'User is not confirmed.')
    await fire('PostAuthentication', login, {
      request: { ...triggerRequest(login), newDeviceUsed: false },
      response: {},
      read: () => true,
    })
    return { AuthenticationResult: await issuer.issue({ ...login, user }), ChallengeParameters: {} }
  }

  /** Asks Define what comes next, and does it. */
  async function proceed(login: Login) {
    const next = await fire('DefineAuthChallenge', login, {
      request: { ...triggerRequest(login), session: login.results },
      response: { challengeName: null, issueTokens: null, failAuthentication: null },
      read: readDefine,
    })
    if (next === undefined || next.kind === 'fail') throw loginFailed()
    if (next.kind === 'tokens') return issueTokens(login)
    if (next.challengeName === 'CUSTOM_CHALLENGE') return askCustom(login)
    return next.challengeName === 'PASSWORD_VERIFIER' ? askPassword(login) : askNewPassword(login)
  }

  /**
   * What comes once a password was shown, in any flow: a new one if it is due and no trigger decides, then a factor if the
   * user has one. In the custom flow Define sees its entry among the results.
   */
  async function afterPassword(login: Login) {
    const { status } = login.user ?? {}
    if (login.flow === 'password') {
      if (status === 'RESET_REQUIRED') {
        throw new Refusal('PasswordResetRequiredException', 'Password reset required for the user')
      }
      if (status === 'FORCE_CHANGE_PASSWORD') return askNewPassword(login)
    }
    const factor = factorOf(login)
    if (factor === undefined) return finish(login)
    const { challenge, parameters } = createFactorChallenge(outbox, login, factor)
    return ask(login, challenge, parameters)
  }

  /** All that Cognito itself asks for was shown. */
  const finish = (login: Login) => (login.flow === 'custom' ? proceed(login) : issueTokens(login))

  return { proceed, askPassword, afterPassword, finish }
}

/** How a login begins, by its flow; any other is refused as the custom one. */
const STARTS: Readonly<Record<string, (pools: Pools, fields: Fields) => Login>> = {
  USER_PASSWORD_AUTH: startPasswordLogin,
  USER_SRP_AUTH: startSrpLogin,
}

/**
 * Cognito's custom authentication flow: InitiateAuth and RespondToAuthChallenge, public and admin alike; and a login by
 * password and a second factor, which asks none of its triggers.
 */
export function createFlow(pools: Pools, fire: Fire, issuer: Issuer, outbox: Outbox, clock: Clock) {
  const sessions = createSessions<Pending>(clock)
  const { proceed, askPassword, afterPassword, finish } = createSteps(fire, sessions, issuer, outbox)

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

  /** A code that arrived there proves the number. */
  function withVerifiedPhone(login: Login): Login {
    const { user, pool } = login
    if (!user) return login
    const verified = { ...user, attributes: { ...user.attributes, phone_number_verified: 'true' } }
    pools.putUser(pool.userPoolId, verified)
    return { ...login, user: verified }
  }

  return {
    async initiate(fields: Fields) {
      const start = STARTS[String(fields.AuthFlow)] ?? startLogin
      const login = start(pools, fields)
      // Only this trigger sees what the client sent along with a login's first call (fact A11).
      await fire('PreAuthentication', login, {
        request: { ...triggerRequest(login), validationData: readTextMap(fields, 'ClientMetadata') },
        response: {},
        read: () => true,
      })
      if (login.flow === 'custom') return proceed(login)
      return login.clientKey === undefined ? afterPassword(assertPassword(login, fields)) : askPassword(login)
    },

    async respond(fields: Fields) {
      const { login, challenge, responses } = continueLogin(pools, sessions, fields, clock)
      const { challengeName } = challenge
      const after = (known: Login, result: Login['results'][number]) => ({
        ...known,
        results: [...known.results, result],
      })
      if (challengeName === 'CUSTOM_CHALLENGE') {
        return proceed(after(login, await verify(login, challenge, readParameter(responses, 'ANSWER'))))
      }
      if (challengeName === 'NEW_PASSWORD_REQUIRED') {
        const changed = after(changePassword(login, responses), passed(challengeName))
        return login.flow === 'custom' ? proceed(changed) : afterPassword(changed)
      }
      if (challengeName !== 'PASSWORD_VERIFIER') {
        return finish(after(challengeName === 'SMS_MFA' ? withVerifiedPhone(login) : login, passed(challengeName)))
      }
      // The time is the machine's, as it is the client's: a test's clock moves sessions and tokens only.
      if (!provesPassword(challenge, responses, systemClock.now())) throw loginFailed()
      return afterPassword(after(login, passed(challengeName)))
    },
  }
}
