import type { Clock } from '../../call.js'
import { type MakeKeyPair, makeKeyPair } from '../aws/key-pairs.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from '../aws/server.js'
import { failure, faultAnswer, parseVerify } from './answers.js'
import { answerLogin, type CallAction } from './frontend.js'
import { createProofDesk, type ProofDesk } from './proof.js'
import { type ConnectTokens, createConnectTokens } from './tokens.js'

/** A Corbado project and what the Backend API accepts from it. */
interface CorbadoProject {
  readonly projectId: string
  /** For Basic: base64 of `projectID:apiSecret`. */
  readonly apiSecret?: string
  /** More secrets that work: while they are rotated, there are two. */
  readonly furtherSecrets?: readonly string[]
  readonly bearerKey?: string
}

export interface CorbadoStandIn extends StandIn {
  /** Adds or replaces a project. */
  putProject(project: CorbadoProject): void
  /** Makes one more API secret valid; answers how many are. */
  addSecret(projectId: string, apiSecret: string): number
  /** Makes the last one that was added the only valid one. */
  keepNewestSecret(projectId: string): void
  /** Makes another API secret the only valid one. */
  rotateSecret(projectId: string, apiSecret: string): void
  /** Makes a proof as Corbado's Frontend API would after a passkey ceremony. */
  readonly sign: ProofDesk['sign']
  /** What verifySignedData says of a proof; a good one is used up by it. */
  readonly verify: ProofDesk['verify']
  /** Uses a connect token that was given to a server of the project. */
  readonly takeConnectToken: ConnectTokens['take']
  /** Sets what is called when a user starts to sign in. */
  onAction(call: CallAction): void
  /** Sets what serves browsers: the Frontend API, below {@link FRONTEND_API}. */
  onFrontend(serve: ServeFrontend): void
  /** Forces one answer for all calls until cleared with `undefined`. */
  answerWith(answer: WireAnswer | undefined): void
}

/** Answers a browser's request. */
export type ServeFrontend = (request: WireRequest) => Promise<WireAnswer>

/** Where paths of the Frontend API for Connect begin. */
export const FRONTEND_API = '/v2/connect/'

const VERIFY = '/v2/passkey/verifySignedData'
const CONNECT_TOKENS = '/v2/connectTokens'

/** The project whose credential the request carries. */
function projectOf(
  { headers }: WireRequest,
  projects: ReadonlyMap<string, CorbadoProject>,
): CorbadoProject | undefined {
  const [scheme, credential] = (headers.authorization ?? '').split(/ (.*)/s)
  if (!credential) return undefined
  return [...projects.values()].find(({ projectId, apiSecret = [], furtherSecrets = [], bearerKey }) => {
    if (scheme === 'Bearer') return bearerKey !== undefined && [bearerKey, ...furtherSecrets].includes(credential)
    const basics = [apiSecret, furtherSecrets]
      .flat()
      .map((secret) => Buffer.from(`${projectId}:${secret}`).toString('base64'))
    return scheme === 'Basic' && basics.includes(credential)
  })
}

/**
 * Starts Corbado: of its Backend API verifySignedData with Basic or Bearer, proofs that work once, and Corbado's errors;
 * of what an app's users see, the two ends of a passkey login. What browsers ask is served once it was set.
 */
export async function startCorbado(options: {
  readonly clock: Clock
  readonly port?: number | undefined
  /** Where the key pairs that sign proofs come from. */
  readonly makeKeyPair?: MakeKeyPair | undefined
}): Promise<CorbadoStandIn> {
  const { clock, port } = options
  const projects = new Map<string, CorbadoProject>()
  const proofs = createProofDesk(clock, options.makeKeyPair ?? makeKeyPair)
  let forced: WireAnswer | undefined
  const connectTokens = createConnectTokens(clock)
  let called: CallAction | undefined
  let frontend: ServeFrontend | undefined

  const handle = async (request: WireRequest): Promise<WireAnswer> => {
    if (forced) return forced
    if (frontend && request.path.startsWith(FRONTEND_API)) {
      return request.method === 'POST' ? frontend(request) : failure(405, { type: 'method_not_allowed' })
    }
    const login = await answerLogin(request, proofs, called)
    if (login) return login
    if (![VERIFY, CONNECT_TOKENS].includes(request.path)) return failure(404, { type: 'not_found' })
    if (request.method !== 'POST') return failure(405, { type: 'method_not_allowed' })
    const project = projectOf(request, projects)
    if (!project) return failure(401, { type: 'login_error', details: 'Login failed' })
    if (request.path === CONNECT_TOKENS) return connectTokens.create(project.projectId, request.body)
    const input = parseVerify(request.body)
    if ('status' in input) return input
    const verificationResult = await proofs.verify(project.projectId, input.signedPasskeyData, input.username)
    return { status: 200, body: { verificationResult } }
  }

  const standIn = await startStandIn({
    name: 'corbado',
    port,
    clock,
    operationOf: ({ path }) =>
      path.startsWith(FRONTEND_API) ? path.slice(FRONTEND_API.length) : (path.split('/').at(-1) ?? path),
    callerOf: (request) => projectOf(request, projects)?.projectId,
    faultAnswer,
    handle,
  })
  return {
    ...standIn,
    putProject: (project) => void projects.set(project.projectId, project),
    addSecret(projectId, apiSecret) {
      const project = { projectId, ...projects.get(projectId) }
      const furtherSecrets = [...(project.furtherSecrets ?? []), apiSecret]
      projects.set(projectId, { ...project, furtherSecrets })
      return 1 + furtherSecrets.length
    },
    keepNewestSecret(projectId) {
      const { bearerKey, furtherSecrets = [] } = projects.get(projectId) ?? {}
      const apiSecret = furtherSecrets.at(-1)
      if (apiSecret) projects.set(projectId, { projectId, apiSecret, ...(bearerKey && { bearerKey: apiSecret }) })
    },
    rotateSecret: (projectId, apiSecret) =>
      void projects.set(projectId, { ...projects.get(projectId), projectId, apiSecret, furtherSecrets: [] }),
    sign: proofs.sign,
    verify: proofs.verify,
    takeConnectToken: connectTokens.take,
    onFrontend(serve) {
      frontend = serve
    },
    onAction(call) {
      called = call
    },
    answerWith(answer) {
      forced = answer
    },
  }
}
