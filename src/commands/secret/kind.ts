import type { ReadSecret } from '../../operator/credential.js'

/** What is stored, and how it is checked before. */
export interface Kind {
  /** As a sentence calls it. */
  readonly noun: 'credential' | 'secret'
  readonly parameter: string
  /** What a person is asked. */
  readonly question: string
  read(given: string): ReadSecret
  /** @throws NotPossible if it is refused where it is used */
  try?(value: string): Promise<void>
  /** Who takes it, as the doctor finds out. */
  readonly taker: 'Corbado' | 'Cognito'
}
