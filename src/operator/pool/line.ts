import { GATEWAY_VERSION } from '../../env.js'
import { shellWord } from '../../terminal/text.js'
import type { Slot, SlotArns } from './triggers.js'

/** What a pool's triggers are to call. */
export interface Wiring {
  /** Hosted ARN, which Corbado names. */
  readonly arn: string
  /** Slots other than those of custom authentication that are to hold it too. */
  readonly also?: readonly Slot[]
  /** What a slot may hold now and lose. */
  readonly replace?: SlotArns
  /** Slots whose function goes on, behind the gateway; `true`: whichever it holds. */
  readonly chain?: SlotChains
}

/** The function that each slot must hold to be chained, or `true` for whichever it holds. */
export type SlotChains = { readonly [S in Slot]?: string | true }

/** The file that `npm pack` makes of this package, which no registry has yet. */
export const TARBALL = `corbado-cognito-gateway-${GATEWAY_VERSION}.tgz`

/** A command line that a customer can type without having installed this package. */
export function npxLine(words: readonly string[]): string {
  return `npx @corbado/cognito-gateway@${GATEWAY_VERSION} ${words.map((word) => shellWord(word)).join(' ')}`
}

/** The words of the command that plans or applies a wiring. */
export function wireWords(
  verb: 'plan' | 'apply',
  userPoolId: string,
  { arn, also = [], replace = {}, chain = {} }: Wiring,
): string[] {
  const further = also.flatMap((slot) => ['--also', slot])
  const lost = Object.entries(replace).flatMap(([slot, held]) => ['--replace', `${slot}=${held}`])
  const chained = Object.entries(chain).flatMap(([slot, held]) => ['--chain', held === true ? slot : `${slot}=${held}`])
  return ['wire', verb, userPoolId, '--arn', arn, ...further, ...lost, ...chained]
}

/**
 * Where the snapshot of a pool goes: the same name in the hand-over, on every printed line and without `--snapshot`, so that the
 * way back is one file.
 */
export function snapshotName(userPoolId: string): string {
  return `${userPoolId}.before-corbado.json`
}

/** The words of the command that takes back what one `wire apply` changed. */
export function undoWords(userPoolId: string, snapshot: string): string[] {
  return ['wire', 'undo', userPoolId, '--snapshot', snapshot]
}

/** The words of the command that lets users of one app client sign in with a passkey. */
export function clientWords(userPoolId: string, clientId: string): string[] {
  return ['wire', 'client', userPoolId, clientId]
}
