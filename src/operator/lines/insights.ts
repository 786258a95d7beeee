import { type Clock, pause } from '../../call.js'
import type { QueryPage, QueryRow } from '../../upstreams/operator.js'

/** All rows of a query of Logs Insights, or what became of it instead: CloudWatch gave it up, or we did. */
export type QueryRows =
  | { readonly kind: 'rows'; readonly rows: readonly QueryRow[] }
  | { readonly kind: 'failed' }
  | { readonly kind: 'late' }

interface LooksOptions {
  /** Between two looks at a query that runs, and the longest that one may, in milliseconds. */
  readonly lookMs: number
  readonly longestMs: number
  readonly clock: Clock
}

/**
 * Looks at a query until it is complete, and reads its rows page after page.
 * @param fetchPage one page of the query's rows
 * @throws what `fetchPage` throws
 */
export async function readRows(
  fetchPage: (token: string | undefined) => Promise<QueryPage>,
  { lookMs, longestMs, clock }: LooksOptions,
): Promise<QueryRows> {
  const begunAt = clock.elapsed()
  const rows: QueryRow[] = []
  let token: string | undefined
  for (;;) {
    const page = await fetchPage(token)
    // What it had found by then is not all.
    if (page.status === 'failed') return { kind: 'failed' }
    if (page.status === 'complete') {
      for (const row of page.rows) rows.push(row)
      token = page.token
      if (token === undefined) return { kind: 'rows', rows }
      continue
    }
    if (clock.elapsed() - begunAt >= longestMs) return { kind: 'late' }
    await pause(lookMs, clock)
  }
}
