import { type Fields, isTextMap } from './wire.js'

/** One entry of the session that the define and create triggers see. */
export interface ChallengeResult {
  readonly challengeName: string
  readonly challengeResult: boolean
  readonly challengeMetadata: string | null
}

export type Decision =
  | { readonly kind: 'fail' }
  | { readonly kind: 'tokens' }
  | { readonly kind: 'challenge'; readonly challengeName: ChallengeName }

const challengeNames = ['CUSTOM_CHALLENGE', 'PASSWORD_VERIFIER', 'NEW_PASSWORD_REQUIRED'] as const
/** What Define may ask for. */
export type ChallengeName = (typeof challengeNames)[number]

const isFlag = (value: unknown): value is boolean | null | undefined => value == null || typeof value === 'boolean'
const isTextOrNone = (value: unknown): value is string | null | undefined => value == null || typeof value === 'string'

/**
 * Reads the answer of the define trigger. Refusing wins over issuing, and issuing over a challenge. undefined where a
 * value has the wrong type, or nothing is decided.
 */
export function readDefine({ challengeName, issueTokens, failAuthentication }: Fields): Decision | undefined {
  if (!isFlag(issueTokens) || !isFlag(failAuthentication) || !isTextOrNone(challengeName)) return undefined
  if (failAuthentication) return { kind: 'fail' }
  if (issueTokens) return { kind: 'tokens' }
  const known = challengeNames.find((name) => name === challengeName)
  return known && { kind: 'challenge', challengeName: known }
}

/** Reads the answer of the create trigger: texts only, and at least one public parameter. */
export function readCreate({ publicChallengeParameters, privateChallengeParameters, challengeMetadata }: Fields) {
  const privateParameters = privateChallengeParameters ?? {}
  if (!isTextMap(publicChallengeParameters) || Object.keys(publicChallengeParameters).length === 0) return undefined
  if (!isTextMap(privateParameters) || !isTextOrNone(challengeMetadata)) return undefined
  return { publicParameters: publicChallengeParameters, privateParameters, metadata: challengeMetadata ?? null }
}

/** Reads the answer of the verify trigger; anything but a boolean is not recognised. */
export function readVerify({ answerCorrect }: Fields): boolean | undefined {
  return typeof answerCorrect === 'boolean' ? answerCorrect : undefined
}
