import { randomBytes } from 'node:crypto'
import type { Clock } from '../call.js'
import { createProofDesk, type ProofDesk } from './corbado-proof.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from './stand-in.js'

/** A Corbado project and what the Backend API accepts from it. */
export interface CorbadoProject {
  readonly projectId: string
  /** For Basic: base64 of `projectID:apiSecret`. */
  readonly apiSecret?: string
  /** More that work as well: while secrets are rotated, there are two. */
  readonly furtherSecrets?: readonly string[]
  readonly bearerKey?: string
}

export interface CorbadoStandIn extends StandIn {
  /** Adds or replaces a project. */
  putProject(project: CorbadoProject): void
  /** Makes another API secret the only valid one. */
  rotateSecret(projectId: string, apiSecret: string): void
  /** Makes a proof as Corbado's Frontend API would after a passkey ceremony. */
  readonly sign: ProofDesk['sign']
  /** Forces one answer for all calls until cleared with `undefined`. */
  answerWith(answer: WireAnswer | undefined): void
}

const VERIFY = '/v2/passkey/verifySignedData'

interface ErrorBody {
  readonly type: string
  readonly details?: string
  readonly validation?: readonly { readonly field: string; readonly message: string }[]
}

/** The error envelope of every endpoint (corbado.md 2.3). */
function failure(status: number, error: ErrorBody): WireAnswer {
  const requestData = { requestID: `req-${randomBytes(8).readBigUInt64BE()}`, link: '' }
  const body = { httpStatusCode: status, message: error.type, requestData, runtime: 0.001 }
  return { status, body: { ...body, error: { ...error, links: [] } } }
}

function faultAnswer(status: number): WireAnswer {
  const types: Record<number, string> = {
    401: 'login_error',
    403: 'login_error',
    404: 'not_found',
    429: 'rate_limited',
  }
  return failure(status, { type: types[status] ?? (status < 500 ? 'validation_error' : 'internal_error') })
}

/** The project whose credential the request carries. */
function projectOf(
  { headers }: WireRequest,
  projects: ReadonlyMap<string, CorbadoProject>,
): CorbadoProject | undefined {
  const [scheme, credential] = (headers.authorization ?? '').split(/ (.*)/s)
  if (!credential) return undefined
  return [...projects.values()].find(({ projectId, apiSecret = [], furtherSecrets = [], bearerKey }) => {
    if (scheme === 'Bearer') return credential === bearerKey
    const basics = [apiSecret, furtherSecrets]
      .flat()
      .map((secret) => Buffer.from(`${projectId}:${secret}`).toString('base64'))
    return scheme === 'Basic' && basics.includes(credential)
  })
}

/** Reads the body of a verify call; an answer is the refusal. */
function parseVerify(body: Buffer): { signedPasskeyData: string; username: string } | WireAnswer {
  let input: { signedPasskeyData?: unknown; username?: unknown } | null
  try {
    input = JSON.parse(body.toString())
  } catch {
    return failure(400, { type: 'invalid_json' })
  }
  const { signedPasskeyData, username } = input ?? {}
  if (typeof signedPasskeyData === 'string' && signedPasskeyData && typeof username === 'string' && username) {
    return { signedPasskeyData, username }
  }
  const missing = Object.entries({ signedPasskeyData, username }).filter(
    ([, value]) => !value || typeof value !== 'string',
  )
  const validation = missing.map(([field]) => ({ field, message: 'cannot be blank' }))
  return failure(400, { type: 'validation_error', validation })
}

/** Starts Corbado's Backend API: verifySignedData with Basic or Bearer, proofs that work once, and Corbado's errors. */
export async function startCorbado(options: {
  readonly clock: Clock
  readonly port?: number | undefined
}): Promise<CorbadoStandIn> {
  const { clock, port } = options
  const projects = new Map<string, CorbadoProject>()
  const proofs = createProofDesk(clock)
  let forced: WireAnswer | undefined

  const handle = async (request: WireRequest): Promise<WireAnswer> => {
    if (forced) return forced
    if (request.path !== VERIFY) return failure(404, { type: 'not_found' })
    if (request.method !== 'POST') return failure(405, { type: 'method_not_allowed' })
    const project = projectOf(request, projects)
    if (!project) return failure(401, { type: 'login_error', details: 'Login failed' })
    const input = parseVerify(request.body)
    if ('status' in input) return input
    const verificationResult = await proofs.verify(project.projectId, input.signedPasskeyData, input.username)
    return { status: 200, body: { verificationResult } }
  }

  const standIn = await startStandIn({
    name: 'corbado',
    port,
    clock,
    operationOf: ({ path }) => path.split('/').at(-1) ?? path,
    callerOf: (request) => projectOf(request, projects)?.projectId,
    faultAnswer,
    handle,
  })
  return {
    ...standIn,
    putProject: (project) => void projects.set(project.projectId, project),
    rotateSecret: (projectId, apiSecret) =>
      void projects.set(projectId, { ...projects.get(projectId), projectId, apiSecret, furtherSecrets: [] }),
    sign: proofs.sign,
    answerWith(answer) {
      forced = answer
    },
  }
}
