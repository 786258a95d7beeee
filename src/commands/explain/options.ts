import type { Selection } from '../../operator/lines/select.js'

/** What `explain` may be told beside the tenant and the files. */
export interface ExplainOptions extends Selection {
  readonly at?: string
  readonly logGroup?: readonly string[]
  readonly all?: boolean
  readonly json?: boolean
}
