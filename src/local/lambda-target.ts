import type { WireRequest } from './wire.js'

/** What an Invoke call names. */
export interface Target {
  /** Without version or alias. */
  readonly functionArn: string
  readonly functionName: string
  readonly alias: string | undefined
  /** As invoked: what policies and the function's context name. */
  readonly qualifiedArn: string
}

/** The operation's path; the segment is a name, a partial ARN or a whole one, percent-encoded. */
const invokePath = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/
const wholeArn = /^arn:(aws[\w-]*):lambda:([\w-]+):(\d{12}):function:([\w-]+)(?::([\w$-]+))?$/
const partialArn = /^(?:(\d{12}):(?:function:)?)?([\w-]+)(?::([\w$-]+))?$/

/** Is this an Invoke call at all? */
export function isInvoke(request: WireRequest): boolean {
  return request.method === 'POST' && invokePath.test(request.path)
}

/** Reads the function and the alias; undefined where the name is none, or names two different aliases. */
export function readTarget(request: WireRequest): Target | undefined {
  const name = decodeURIComponent(invokePath.exec(request.path)?.[1] ?? '')
  const [, partition, region, account, functionName, qualifier] = wholeArn.exec(name) ?? []
  const queried = request.query.get('Qualifier') ?? undefined
  if (functionName === undefined) return readPartial(name, queried, request)
  if (qualifier !== undefined && queried !== undefined && qualifier !== queried) return undefined
  return target(`arn:${partition}:lambda:${region}:${account}:function:${functionName}`, qualifier ?? queried)
}

/** A name without region belongs to the signer's: the region signed for, its own account. */
function readPartial(name: string, queried: string | undefined, { region, principal }: WireRequest) {
  const [, account = principal?.accountId, functionName, qualifier = queried] = partialArn.exec(name) ?? []
  if (!functionName || !region || !account || (queried ?? qualifier) !== qualifier) return undefined
  return target(`arn:aws:lambda:${region}:${account}:function:${functionName}`, qualifier)
}

function target(functionArn: string, qualifier: string | undefined): Target {
  const alias = qualifier === '$LATEST' ? undefined : qualifier
  const functionName = functionArn.split(':').at(-1) ?? ''
  return {
    functionArn,
    functionName,
    alias,
    qualifiedArn: alias === undefined ? functionArn : `${functionArn}:${alias}`,
  }
}
