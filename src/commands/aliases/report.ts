import { type AliasPolicy, POLICY_BYTES_MAX, type PolicyFault } from '../../operator/aliases/policy.js'
import { inLine } from '../../terminal/clean.js'
import type { Paint } from '../../terminal/io.js'
import { counted, shellWord } from '../../terminal/text.js'

/** What a change of an alias's policy lets in and takes out. */
export interface AliasChange {
  readonly alias: string
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** What is taken out of all that others wrote. */
  readonly faults: readonly PolicyFault[]
  /** What of it stays. */
  readonly left: readonly PolicyFault[]
}

/** The change for a person, one line each. */
export function changeText({ alias, added, removed, faults, left }: AliasChange, paint: Paint): string {
  const clean = `corbado-gateway aliases clean ${shellWord(alias)}`
  return [
    ...added.map((arn) => `${paint('green', '+')} ${inLine(`${alias}: ${arn}`)}\n`),
    ...removed.map((arn) => `${paint('red', '-')} ${inLine(`${alias}: ${arn}`)}\n`),
    ...faults.map(({ what }) => `${paint('red', '-')} ${inLine(`${alias}: ${what}`)}\n`),
    ...left.map(({ what }) => `= ${inLine(`${alias}: ${what}`)}\n`),
    ...(left.length > 0
      ? [`  ${paint('yellow', '!')} others wrote that, and it stays; to take it out: ${clean}\n`]
      : []),
  ].join('')
}

/** How full an alias is. */
export function roomText(alias: string, { poolArns, bytes }: AliasPolicy): string {
  const [used, left] = [bytes.toLocaleString('en'), (POLICY_BYTES_MAX - bytes).toLocaleString('en')]
  return `${alias} lets in ${counted(poolArns.length, 'pool')}: ${used} bytes used, ${left} left\n`
}
