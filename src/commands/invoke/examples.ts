/** Payloads to start from, complete enough to be sent as they are with `--tenant`. Names and ids are of nobody. */
const event = (triggerSource: string, request: object, response: object) => ({
  version: '1',
  region: 'eu-central-1',
  userPoolId: 'eu-central-1_AbCdEf123',
  userName: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: '1example23456789' },
  triggerSource,
  request: {
    userAttributes: { sub: '7c9e6679-7425-40de-944b-e07fc1f90ae7', 'cognito:user_status': 'CONFIRMED' },
    ...request,
  },
  response,
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** In the form of a proof; nobody signed it. */
const proof = `${part({ alg: 'RS256', kid: 'pki-0', typ: 'JWT' })}.${part({ sub: 'usr-0' })}.c2lnbmF0dXJl`

export const EXAMPLES = {
  define: event(
    'DefineAuthChallenge_Authentication',
    { session: [] },
    { challengeName: null, issueTokens: null, failAuthentication: null },
  ),
  create: event(
    'CreateAuthChallenge_Authentication',
    { session: [], challengeName: 'CUSTOM_CHALLENGE' },
    { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null },
  ),
  verify: event(
    'VerifyAuthChallengeResponse_Authentication',
    {
      challengeAnswer: proof,
      privateChallengeParameters: { cognitoID: '7c9e6679-7425-40de-944b-e07fc1f90ae7' },
    },
    { answerCorrect: null },
  ),
  'pre-login': { action: 'pre-login', userPoolId: 'eu-central-1_AbCdEf123', identifier: 'somebody@example.com' },
  'post-append': {
    action: 'post-append',
    userPoolId: 'eu-central-1_AbCdEf123',
    username: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  },
} as const satisfies Record<string, object>

export type ExampleName = keyof typeof EXAMPLES
export const EXAMPLE_NAMES = Object.keys(EXAMPLES)
