import { readCreate, readDefine } from './answers.js'
import type { Challenge, Pending } from './challenge.js'
import type { Issuer } from './issuer.js'
import { type Login, loginFailed, triggerRequest } from './login.js'
import { createPasswordChallenge } from './password.js'
import type { Sessions } from './sessions.js'
import { type Fire, invalidResponse } from './triggers.js'
import { Refusal } from './wire.js'

/** The steps between a client's call and Cognito's answer: whatever Define decides. */
export function createSteps(fire: Fire, sessions: Sessions<Pending>, issuer: Issuer) {
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
    // Without SRP_A there is nothing that an answer could prove the password against.
    if (login.clientKey === undefined) throw invalidResponse()
    const { challenge, parameters } = createPasswordChallenge(login, login.clientKey)
    return ask(login, { challengeName: 'PASSWORD_VERIFIER', ...challenge }, parameters)
  }

  function askNewPassword(login: Login) {
    const { user, results } = login
    // AWS documents it for users who have just shown the old one (fact A18); else anybody could set a password.
    const shown = results.some(({ challengeName }) => challengeName === 'PASSWORD_VERIFIER')
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

  return { proceed, issueTokens }
}
