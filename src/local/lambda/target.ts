import type { WireRequest } from '../aws/server.js'

/** Paths of the operations, as the SDK's model has them; what stands in brackets are its path parameters. */
const routes = [
  ['POST', 'Invoke', /^\/2015-03-31\/functions\/([^/]+)\/invocations$/],
  ['GET', 'ListAliases', /^\/2015-03-31\/functions\/([^/]+)\/aliases$/],
  ['POST', 'CreateAlias', /^\/2015-03-31\/functions\/([^/]+)\/aliases$/],
  ['GET', 'GetAlias', /^\/2015-03-31\/functions\/([^/]+)\/aliases\/([^/]+)$/],
  // What there was before the calls on whole policies.
  ['GET', 'GetPolicy', /^\/2015-03-31\/functions\/([^/]+)\/policy$/],
  ['POST', 'AddPermission', /^\/2015-03-31\/functions\/([^/]+)\/policy$/],
  ['DELETE', 'RemovePermission', /^\/2015-03-31\/functions\/([^/]+)\/policy\/([^/]+)$/],
  ['GET', 'GetResourcePolicy', /^\/2026-07-09\/resource-policy\/([^/]+)$/],
  ['PUT', 'PutResourcePolicy', /^\/2026-07-09\/resource-policy\/([^/]+)$/],
  ['DELETE', 'DeleteResourcePolicy', /^\/2026-07-09\/resource-policy\/([^/]+)$/],
] as const

type LambdaOperation = (typeof routes)[number][1]

export interface Route {
  readonly operation: LambdaOperation
  /** The function's name or ARN, percent-encoded. */
  readonly segment: string
  /** The name of an alias, or of a statement, if the path ends in one. */
  readonly name: string
}

/** The operation that a request asks for; undefined if the stand-in does not have it. */
export function routeOf({ method, path }: WireRequest): Route | undefined {
  for (const [routeMethod, operation, pattern] of routes) {
    const [, segment, name = ''] = (method === routeMethod && pattern.exec(path)) || []
    if (segment !== undefined) return { operation, segment, name: decodeURIComponent(name) }
  }
  return undefined
}

/** A function, and the alias of it, that a call names. */
export interface Target {
  /** Without version or alias. */
  readonly functionArn: string
  readonly functionName: string
  /** Of the account that owns the function. */
  readonly accountId: string
  readonly alias: string | undefined
  /** As invoked: what policies and the function's context name. */
  readonly qualifiedArn: string
}

const wholeArn = /^arn:(aws[\w-]*):lambda:([\w-]+):(\d{12}):function:([\w-]+)(?::([\w$-]+))?$/
const partialArn = /^(?:(\d{12}):(?:function:)?)?([\w-]+)(?::([\w$-]+))?$/

/**
 * Reads the function and the alias from a segment of a path: a name, a partial ARN or a whole one, percent-encoded.
 * undefined if it is none of them, or names another alias than the query.
 */
export function readTarget(segment: string, request: WireRequest): Target | undefined {
  const name = decodeURIComponent(segment)
  const [, partition, region, account, functionName, qualifier] = wholeArn.exec(name) ?? []
  const queried = request.query.get('Qualifier') ?? undefined
  if (functionName === undefined) return readPartial(name, queried, request)
  if (qualifier !== undefined && queried !== undefined && qualifier !== queried) return undefined
  return targetOf(`arn:${partition}:lambda:${region}:${account}:function:${functionName}`, qualifier ?? queried)
}

/** A name without region is looked for in the region signed for and, without an account, in the signer's. */
function readPartial(name: string, queried: string | undefined, { region, principal }: WireRequest) {
  const [, account = principal?.accountId, functionName, qualifier = queried] = partialArn.exec(name) ?? []
  if (!functionName || !region || !account || (queried ?? qualifier) !== qualifier) return undefined
  return targetOf(`arn:aws:lambda:${region}:${account}:function:${functionName}`, qualifier)
}

function targetOf(functionArn: string, qualifier: string | undefined): Target {
  const alias = qualifier === '$LATEST' ? undefined : qualifier
  const [, , , , accountId = '', , functionName = ''] = functionArn.split(':')
  return {
    functionArn,
    functionName,
    accountId,
    alias,
    qualifiedArn: alias === undefined ? functionArn : `${functionArn}:${alias}`,
  }
}
