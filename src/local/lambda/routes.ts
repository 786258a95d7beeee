import type { WireRequest } from '../aws/wire.js'

/** Paths of the operations, as the SDK's model has them; what stands in brackets are its path parameters. */
const routes = [
  ['POST', 'Invoke', /^\/2015-03-31\/functions\/([^/]+)\/invocations$/],
  ['GET', 'ListAliases', /^\/2015-03-31\/functions\/([^/]+)\/aliases$/],
  ['POST', 'CreateAlias', /^\/2015-03-31\/functions\/([^/]+)\/aliases$/],
  ['GET', 'GetAlias', /^\/2015-03-31\/functions\/([^/]+)\/aliases\/([^/]+)$/],
  ['GET', 'GetResourcePolicy', /^\/2026-07-09\/resource-policy\/([^/]+)$/],
  ['PUT', 'PutResourcePolicy', /^\/2026-07-09\/resource-policy\/([^/]+)$/],
  ['DELETE', 'DeleteResourcePolicy', /^\/2026-07-09\/resource-policy\/([^/]+)$/],
] as const

export type LambdaOperation = (typeof routes)[number][1]

export interface Route {
  readonly operation: LambdaOperation
  /** The function's name or ARN, percent-encoded. */
  readonly segment: string
  /** The name of an alias, where the path ends in one. */
  readonly name: string
}

/** The operation that a request asks for; undefined where the stand-in has none such. */
export function routeOf({ method, path }: WireRequest): Route | undefined {
  for (const [routeMethod, operation, pattern] of routes) {
    const [, segment, name = ''] = (method === routeMethod && pattern.exec(path)) || []
    if (segment !== undefined) return { operation, segment, name: decodeURIComponent(name) }
  }
  return undefined
}
