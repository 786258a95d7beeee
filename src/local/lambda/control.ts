import { fieldsOf } from '../../fields.js'
import { allows, deniedText, type Principal } from '../aws/identity.js'
import { parseJson } from '../aws/json.js'
import type { WireAnswer, WireRequest } from '../aws/server.js'
import { invalidParameter, type LocalFunction, lambdaAnswer, lambdaError } from './invoke.js'
import type { Policies } from './policies.js'
import type { Route, Target } from './target.js'

const ALIASES_A_PAGE = 50
/** The only version that a function of the stand-in has published. */
const PUBLISHED = '1'
/** The API model's Alias: no number, which would be a version. */
const aliasName = /^(?!\d+$)[\w-]{1,128}$/

const notFound = (arn: string) => lambdaError(404, 'ResourceNotFoundException', `Function not found: ${arn}`)

function aliasView(functionArn: string, name: string) {
  return { AliasArn: `${functionArn}:${name}`, Name: name, FunctionVersion: PUBLISHED, Description: '' }
}

/**
 * The right to a call on aliases is checked on the function, to one on policies on their function or alias; no other
 * account has it.
 */
function denied(
  operation: string,
  principal: Principal,
  { functionArn, accountId, qualifiedArn }: Target,
): WireAnswer | undefined {
  const [action, arn] = [`lambda:${operation}`, isOnPolicy(operation) ? qualifiedArn : functionArn]
  if (accountId === principal.accountId && allows(principal, action, arn)) return undefined
  return lambdaError(403, 'AccessDeniedException', deniedText(principal.arn, action, arn, 'identity-based'))
}

const isOnPolicy = (operation: string) => /(Policy|Permission)$/.test(operation)

/** The calls on the aliases of functions and on resource policies. */
export function createControl(functions: Map<string, LocalFunction>, policies: Policies) {
  function listAliases({ functionArn, aliases }: LocalFunction, { query }: WireRequest): WireAnswer {
    const offset = Number(query.get('Marker') ?? 0)
    const end = offset + Math.min(Number(query.get('MaxItems') ?? ALIASES_A_PAGE), ALIASES_A_PAGE)
    const Aliases = aliases.slice(offset, end).map((name) => aliasView(functionArn, name))
    return lambdaAnswer(200, { Aliases, ...(end < aliases.length && { NextMarker: String(end) }) })
  }

  function createAlias(localFunction: LocalFunction, { body }: WireRequest): WireAnswer {
    const { functionArn, aliases } = localFunction
    const { Name, FunctionVersion } = fieldsOf(parseJson(body))
    if (typeof Name !== 'string' || !aliasName.test(Name)) return invalidParameter('Name is not the name of an alias.')
    if (FunctionVersion !== PUBLISHED) return notFound(`${functionArn}:${FunctionVersion}`)
    if (aliases.includes(Name)) {
      return lambdaError(409, 'ResourceConflictException', `Alias already exists: ${functionArn}:${Name}`)
    }
    functions.set(functionArn, { ...localFunction, aliases: [...aliases, Name] })
    return lambdaAnswer(201, aliasView(functionArn, Name))
  }

  function onPolicy({ operation, name }: Route, { qualifiedArn }: Target, { body, query }: WireRequest): WireAnswer {
    if (operation === 'GetResourcePolicy' || operation === 'GetPolicy') return policies.answerGet(qualifiedArn)
    if (operation === 'AddPermission') return policies.answerAdd(qualifiedArn, body)
    if (operation === 'RemovePermission') return policies.answerRemove(qualifiedArn, name, query.get('RevisionId'))
    if (operation === 'PutResourcePolicy') return policies.answerPut(qualifiedArn, body)
    return policies.answerDelete(qualifiedArn, query.get('RevisionId'))
  }

  return (request: WireRequest, route: Route, target: Target): WireAnswer => {
    const { operation, name } = route
    const { principal } = request
    if (!principal) return lambdaError(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token')
    const refusal = denied(operation, principal, target)
    if (refusal) return refusal
    const localFunction = functions.get(target.functionArn)
    const { alias, functionArn, qualifiedArn } = target
    if (!localFunction) return notFound(functionArn)
    if (isOnPolicy(operation)) {
      const there = alias === undefined || localFunction.aliases.includes(alias)
      return there ? onPolicy(route, target, request) : notFound(qualifiedArn)
    }
    if (operation === 'ListAliases') return listAliases(localFunction, request)
    if (operation === 'CreateAlias') return createAlias(localFunction, request)
    const known = localFunction.aliases.includes(name)
    return known ? lambdaAnswer(200, aliasView(functionArn, name)) : notFound(`${functionArn}:${name}`)
  }
}
