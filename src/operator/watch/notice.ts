/** A notice in words: on a terminal, and as a message to who is on call. */
import { isReason, sectionsOf } from '../../reasons.js'
import { counted } from '../../terminal/text.js'
import type { Message } from '../../upstreams/watch/index.js'
import type { Diagnosis } from '../causes/diagnose.js'
import { spanText, timeText } from '../lines/when.js'
import type { Notice } from './state.js'

/** So many tenants are named; of more, their number is told. */
export const NAMES_MAX = 4
/** The longest subject that SNS takes. */
const SUBJECT_MAX = 100

/** What is known of a cause besides. */
export type Said = Pick<Diagnosis, 'cause' | 'owner' | 'fix'> & Partial<Pick<Diagnosis, 'evidence'>>

/** Where the page for the person on call says more. */
export function runbookOf({ reason }: Notice): string {
  const [section] = isReason(reason) ? sectionsOf(reason) : []
  return `infra/ON-CALL.md#${section?.replaceAll(' ', '-') ?? 'it-is-0210'}`
}

/** Its first line. */
export const headOf = ({ health, what }: Notice) => `${health}: ${what}`

/** The facts of a notice by their names; what is not known is left out. */
export function factsOf(notice: Notice, said: Said | undefined, at: number): readonly [name: string, text: string][] {
  const { health, everywhere, tenants, first, last } = notice
  const more = tenants.length > NAMES_MAX ? ` and ${tenants.length - NAMES_MAX} more` : ''
  const names = tenants.length === 0 ? 'everybody' : `${tenants.slice(0, NAMES_MAX).join(', ')}${more}`
  const reach = everywhere ? `${counted(tenants.length, 'tenant')}, so everywhere` : counted(tenants.length, 'tenant')
  const since =
    health === 'recovered'
      ? `${timeText(first)}, last seen ${timeText(last)}`
      : `${timeText(first)}, ${spanText(at - first)} ago`
  const facts: readonly [string, string | undefined][] = [
    ['cause', said?.cause],
    ['since', since],
    ['whom', tenants.length === 0 ? names : `${reach}: ${names}`],
    ['who acts', said?.owner],
    ['do', said?.fix],
    ['page', runbookOf(notice)],
  ]
  return facts.flatMap(([name, text]) => (text ? [[name, text]] : []))
}

/** A notice as a message, with the command that shows its lines. */
export function messageOf(notice: Notice, said: Said | undefined, at: number): Message {
  const [only, ...others] = notice.tenants
  const whose = only === undefined || others.length > 0 || notice.everywhere ? '--all' : only
  const odd = said?.evidence?.odd.map(({ field, value }) => `${field} ${value}`).join(', ')
  const facts: readonly [string, string][] = [
    ...factsOf(notice, said, at),
    ...(odd ? [['odd', odd] as [string, string]] : []),
    ['more', `corbado-gateway explain ${whose} --at ${timeText(notice.first)}`],
  ]
  const subject = `Passkey gateway ${headOf(notice)}, ${notice.everywhere ? 'everywhere' : counted(notice.tenants.length, 'tenant')}`
  const lines = facts.map(([name, text]) => `${name.padEnd(9)}${text}`)
  return { subject: subject.slice(0, SUBJECT_MAX), text: `${[headOf(notice), '', ...lines].join('\n')}\n` }
}
