import { randomUUID } from 'node:crypto'
import { type Fields, fieldsOf, textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import { type PolicyDocument, parsePolicy, type Statement } from '../aws/policy.js'
import type { WireAnswer } from '../aws/server.js'
import { invalidParameter, lambdaAnswer, lambdaError } from './invoke.js'

/** Characters of a whole resource policy (fact A27). */
const POLICY_LENGTH_MAX = 20_480

interface Kept {
  readonly text: string
  readonly policy: PolicyDocument
  readonly revisionId: string
}

/** The resource policies of functions and aliases, by qualified ARN. */
export interface Policies {
  of(qualifiedArn: string): PolicyDocument | undefined
  /** Replaces a policy unchecked; `undefined` removes it. */
  put(qualifiedArn: string, policy: PolicyDocument | undefined): void
  answerGet(qualifiedArn: string): WireAnswer
  answerPut(qualifiedArn: string, body: Buffer): WireAnswer
  answerDelete(qualifiedArn: string, revisionId: string | null): WireAnswer
  /** Adds one statement, as AWS words it (API reference of AddPermission). */
  answerAdd(qualifiedArn: string, body: Buffer): WireAnswer
  answerRemove(qualifiedArn: string, sid: string, revisionId: string | null): WireAnswer
}

const notFound = () => lambdaError(404, 'ResourceNotFoundException', 'The resource you requested does not exist.')
const changed = () =>
  lambdaError(
    412,
    'PreconditionFailedException',
    'The Revision Id provided does not match the latest Revision Id. Call the GetResourcePolicy API to retrieve it.',
  )

const tooLong = ({ length }: string) =>
  lambdaError(
    400,
    'PolicyLengthExceededException',
    `The final policy size (${length}) is bigger than the limit (${POLICY_LENGTH_MAX}).`,
  )

/** The statement that a permission becomes; undefined if one of the members that the model requires is missing. */
function statementOf(permission: Fields, Resource: string): Statement | undefined {
  const [Sid, Action, principal] = ['StatementId', 'Action', 'Principal'].map((name) => textAt(permission, name))
  if (Sid === undefined || Action === undefined || principal === undefined || !/^[\w-]{1,100}$/.test(Sid))
    return undefined
  const account = /^\d{12}$/.test(principal) ? `arn:aws:iam::${principal}:root` : principal
  const Principal = principal.endsWith('.amazonaws.com') ? { Service: principal } : { AWS: account }
  const [arn, owner] = [textAt(permission, 'SourceArn'), textAt(permission, 'SourceAccount')]
  const Condition = {
    ...(owner !== undefined && { StringEquals: { 'AWS:SourceAccount': owner } }),
    ...(arn !== undefined && { ArnLike: { 'AWS:SourceArn': arn } }),
  }
  const conditional = Object.keys(Condition).length > 0
  return { Sid, Effect: 'Allow', Principal, Action, Resource, ...(conditional && { Condition }) }
}

const view = ({ text, revisionId }: Kept) => lambdaAnswer(200, { Policy: text, RevisionId: revisionId })

/** Does the statement let everyone in? */
function isPublic({ Effect, Principal, Condition }: Statement): boolean {
  const names = Principal === undefined || Principal === '*' ? [Principal] : [Principal.AWS ?? []].flat()
  return Effect === 'Allow' && names.includes('*') && Object.keys(Condition ?? {}).length === 0
}

/** The policy, or the refusal of it. */
function readPolicy(text: string, qualifiedArn: string): PolicyDocument | WireAnswer {
  let policy: PolicyDocument
  try {
    policy = parsePolicy(text)
  } catch (error) {
    return invalidParameter(`The policy is not valid: ${String(error)}`)
  }
  if (policy.Statement.length === 0) return invalidParameter('The policy has no statement.')
  if (policy.Statement.some((one) => one.Principal === undefined))
    return invalidParameter('A statement names no Principal.')
  if (policy.Statement.some((one) => [one.Resource ?? []].flat().some((resource) => resource !== qualifiedArn))) {
    return invalidParameter(`A statement is about another Resource than ${qualifiedArn}.`)
  }
  if (!policy.Statement.some(isPublic)) return policy
  return lambdaError(400, 'PublicPolicyException', 'The policy would grant public access.')
}

/** Keeps resource policies; each change gives a policy a new revision. */
export function createPolicies(): Policies {
  const kept = new Map<string, Kept>()
  const put = (qualifiedArn: string, policy: PolicyDocument, text = JSON.stringify(policy)): Kept => {
    const entry = { policy, text, revisionId: randomUUID() }
    kept.set(qualifiedArn, entry)
    return entry
  }

  return {
    of: (qualifiedArn) => kept.get(qualifiedArn)?.policy,
    put: (qualifiedArn, policy) => void (policy ? put(qualifiedArn, policy) : kept.delete(qualifiedArn)),
    answerGet(qualifiedArn) {
      const found = kept.get(qualifiedArn)
      return found ? view(found) : notFound()
    },
    answerPut(qualifiedArn, body) {
      const { Policy: text, RevisionId: revisionId } = fieldsOf(parseJson(body))
      if (typeof text !== 'string') return invalidParameter('There is no Policy.')
      if (text.length > POLICY_LENGTH_MAX) return tooLong(text)
      const policy = readPolicy(text, qualifiedArn)
      if ('status' in policy) return policy
      if (revisionId !== undefined && revisionId !== kept.get(qualifiedArn)?.revisionId) return changed()
      return view(put(qualifiedArn, policy, text))
    },
    answerAdd(qualifiedArn, body) {
      const { RevisionId: revisionId, ...permission } = fieldsOf(parseJson(body))
      const before = kept.get(qualifiedArn)
      if (revisionId !== undefined && revisionId !== before?.revisionId) return changed()
      const statement = statementOf(permission, qualifiedArn)
      if (!statement) return invalidParameter('A permission needs StatementId, Action and Principal.')
      const statements = before?.policy.Statement ?? []
      if (statements.some(({ Sid }) => Sid === statement.Sid)) {
        const message = `The statement id (${statement.Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`
        return lambdaError(409, 'ResourceConflictException', message)
      }
      const policy = { Version: '2012-10-17', Id: 'default', Statement: [...statements, statement] } as const
      const text = JSON.stringify(policy)
      if (text.length > POLICY_LENGTH_MAX) return tooLong(text)
      put(qualifiedArn, policy, text)
      return lambdaAnswer(201, { Statement: JSON.stringify(statement) })
    },
    answerRemove(qualifiedArn, sid, revisionId) {
      const found = kept.get(qualifiedArn)
      if (!found) return notFound()
      const Statement = found.policy.Statement.filter(({ Sid }) => Sid !== sid)
      if (Statement.length === found.policy.Statement.length) {
        return lambdaError(404, 'ResourceNotFoundException', `Statement ${sid} is not found in resource policy.`)
      }
      if (revisionId !== null && revisionId !== found.revisionId) return changed()
      if (Statement.length === 0) kept.delete(qualifiedArn)
      else put(qualifiedArn, { ...found.policy, Statement })
      return lambdaAnswer(204)
    },
    answerDelete(qualifiedArn, revisionId) {
      const found = kept.get(qualifiedArn)
      if (!found) return notFound()
      if (revisionId !== null && revisionId !== found.revisionId) return changed()
      kept.delete(qualifiedArn)
      return lambdaAnswer(204)
    },
  }
}
