import type { Clock } from '../../../call.js'
import { fieldAt, fieldsOf, textAt } from '../../../fields.js'
import { parseJson } from '../../aws/json.js'
import type { WireAnswer, WireRequest } from '../../aws/server.js'
import { failure } from '../answers.js'
import type { CallAction } from '../frontend.js'
import type { ProofClaims } from '../proof.js'
import type { ConnectTokens } from '../tokens.js'
import { createPasskeys, type Passkey, passkeyView, sourceOf } from './passkeys.js'
import { createProcesses, type Process } from './processes.js'
import {
  authenticationOptions,
  credentialIdOf,
  type RelyingParty,
  registrationOptions,
  verifyAuthentication,
  verifyRegistration,
} from './webauthn.js'

/** A project as browsers see it. */
export interface ConnectProject {
  readonly projectId: string
  /** The pool that the project's actions are about. */
  readonly userPoolId: string
  /** Shown when a passkey is made. */
  readonly rpName: string
}

export interface ConnectOptions extends RelyingParty {
  readonly clock: Clock
  readonly projects: readonly ConnectProject[]
  /** Where browsers find this. */
  readonly frontendApiUrl: string
  readonly takeConnectToken: ConnectTokens['take']
  /** Signs that a passkey was used. */
  sign(projectId: string, username: string, claims: Partial<ProofClaims>): Promise<string>
  readonly callAction: CallAction
}

interface Ask {
  readonly project: ConnectProject
  readonly request: WireRequest
  readonly input: unknown
}
type Serve = (ask: Ask) => Promise<WireAnswer> | WireAnswer

/** Why a login goes on without a passkey. */
interface Fallback {
  readonly initFallback: boolean
  readonly error?: { readonly code: string; readonly message: string }
}

const answer = (body: object): WireAnswer => ({ status: 200, body })
const noContent: WireAnswer = { status: 204 }
const invalid = (details: string) => failure(400, { type: 'validation_error', details })
const because = (code: string, message: string): Fallback => ({ initFallback: true, error: { code, message } })

/** Where the browser says which of its processes it goes on with. */
const processIdOf = ({ headers }: WireRequest) => {
  const id = headers['x-corbado-process-id']
  return typeof id === 'string' ? id : undefined
}

/**
 * Reads what pre-login says of a typed identifier: the user name, or why there will be no passkey. An error that is not to
 * be told is a silent fallback; an unknown user may type again.
 */
function readPreLogin(result: object): { readonly username: string } | Fallback {
  const unexpected = because('unexpected_error', '')
  if (fieldAt(result, 'statusCode') !== 200) return unexpected
  const username = textAt(result, 'body', 'identifier')
  if (username) return { username }
  const { code, message } = fieldsOf(fieldAt(result, 'body', 'error'))
  if (typeof code !== 'string') return unexpected
  if (fieldAt(result, 'body', 'error', 'return') !== true) return { initFallback: true }
  const error = { code, message: typeof message === 'string' ? message : '' }
  return { initFallback: code !== 'user_not_found', error }
}

/** What a browser remembers of a passkey that was used or made: it offers the name next time. */
function operation(operationType: 'append' | 'verify', identifierValue: string, passkey?: Passkey) {
  const identifierType = identifierValue.includes('@') ? 'email' : 'username'
  const external = passkey?.transports.some((one) => one === 'usb' || one === 'nfc') ?? false
  return { operationType, identifierValue, identifierType, ceremonyType: external ? 'security-key' : 'local' }
}

/**
 * Corbado's Frontend API for Connect, as `@corbado/web-core` calls it: sign in with a passkey, make one, list and delete
 * them. WebAuthn is checked by a library; the actions of the gateway are called where Corbado calls them.
 */
export function createConnect(options: ConnectOptions): (request: WireRequest) => Promise<WireAnswer> {
  const { clock, projects, frontendApiUrl, takeConnectToken, sign, callAction } = options
  const passkeys = createPasskeys(clock)
  const processes = createProcesses(clock)
  /** Signatures over challenges that a browser keeps: each counts once. */
  const seen = new Set<string>()

  const common = ({ expiresAt }: Process) => ({
    expiresAt,
    frontendApiUrl,
    flags: { 'conditional-ui-allowed': 'true' },
  })

  async function loginInit({ request }: Ask): Promise<WireAnswer> {
    const process = processes.begin(processIdOf(request))
    const { challenge, options: conditionalUIChallenge } = await authenticationOptions(options, [])
    process.suggested = challenge
    return answer({ ...common(process), token: process.id, loginAllowed: true, conditionalUIChallenge })
  }

  async function loginStart({ project, request, input }: Ask): Promise<WireAnswer> {
    const process = processes.find(processIdOf(request))
    const identifier = textAt(input, 'identifier')
    if (!process || !identifier) return invalid('a process and an identifier are needed')
    const { projectId, userPoolId } = project
    const fallback = (fallbackOperationError: Fallback) =>
      answer({ assertionOptions: '', isCDA: false, fallbackOperationError })
    const called = callAction({ action: 'pre-login', userPoolId, identifier })
    const found = readPreLogin(await called.catch(() => ({})))
    if (!('username' in found)) return fallback(found)
    const allowed = passkeys.of(projectId, found.username)
    if (allowed.length === 0) return fallback({ initFallback: true })
    const { challenge, options: assertionOptions } = await authenticationOptions(options, allowed)
    process.login = { challenge, username: found.username, identifier }
    return answer({ assertionOptions, isCDA: false, fallbackOperationError: { initFallback: false } })
  }

  async function loginFinish({ project, request, input }: Ask): Promise<WireAnswer> {
    const process = processes.find(processIdOf(request))
    const response = textAt(input, 'assertionResponse')
    if (!process || !response) return invalid('a process and an assertionResponse are needed')
    const isCUI = fieldAt(input, 'isConditionalUI') === true
    const asked = isCUI ? undefined : process.login
    const challenge = isCUI ? process.suggested : asked?.challenge
    if (challenge === undefined) return invalid('no passkey was asked for')
    process.login = undefined
    const refused = (fallbackOperationError: Fallback) =>
      answer({
        signedPasskeyData: '',
        session: '',
        passkeyOperation: operation('verify', asked?.identifier ?? ''),
        fallbackOperationError,
      })
    const passkey = passkeys.byCredential(credentialIdOf(response) ?? '')
    if (!passkey) {
      return refused(because('cui_credential_deleted', 'This passkey is not known here. Sign in another way.'))
    }
    const { projectId } = project
    if (passkey.projectId !== projectId) {
      return refused(because('cui_alternative_project_id', 'This passkey belongs to another app. Sign in another way.'))
    }
    const counter = await verifyAuthentication(options, challenge, passkey, response)
    const isTheirs = asked === undefined || asked.username === passkey.username
    if (counter === undefined || !isTheirs || seen.has(response)) {
      return refused(because('unexpected_error', 'The passkey could not be checked. Sign in another way.'))
    }
    seen.add(response)
    passkeys.used(passkey, counter)
    const { username, id: credential } = passkey
    const claims = { processId: process.id, credential, isCUI }
    return answer({
      signedPasskeyData: await sign(projectId, username, claims),
      session: '',
      passkeyOperation: operation('verify', asked?.identifier ?? username, passkey),
    })
  }

  function appendInit({ request }: Ask): WireAnswer {
    const process = processes.begin(processIdOf(request))
    return answer({ ...common(process), processID: process.id, appendAllowed: true })
  }

  async function appendStart({ project, request, input }: Ask): Promise<WireAnswer> {
    const { projectId, rpName } = project
    const process = processes.find(processIdOf(request))
    if (!process) return invalid('a process is needed')
    const token = takeConnectToken(projectId, 'passkey-append', textAt(input, 'appendTokenValue') ?? '')
    if (!token) return invalid('the connect token is not valid')
    const { identifier: username, displayName } = token
    const existing = passkeys.of(projectId, username)
    const { challenge, options: attestationOptions } = await registrationOptions(
      options,
      { username, displayName, rpName },
      existing,
    )
    process.append = { challenge, username, displayName }
    const offer = { variant: 'default', isRestrictedBrowser: false, autoAppend: false, conditionalAppend: false }
    return answer({ attestationOptions, ...offer })
  }

  async function appendFinish({ project, request, input }: Ask): Promise<WireAnswer> {
    const process = processes.find(processIdOf(request))
    const response = textAt(input, 'attestationResponse')
    if (!process?.append || !response) return invalid('no passkey was asked for')
    const { challenge, username, displayName } = process.append
    process.append = undefined
    const made = await verifyRegistration(options, challenge, response)
    if (!made) return invalid('the passkey could not be checked')
    const { projectId, userPoolId } = project
    const source = sourceOf(request.headers['user-agent'] ?? '')
    const passkey = passkeys.add({ ...made, ...source, projectId, username })
    // The passkey is there whatever comes of it: the answer has no place for an error (fact C12).
    await callAction({ action: 'post-append', userPoolId, username }).catch(() => undefined)
    return answer({ passkeyOperation: operation('append', displayName, passkey) })
  }

  function manageInit({ request }: Ask): WireAnswer {
    const process = processes.begin(processIdOf(request))
    return answer({ ...common(process), processID: process.id, manageAllowed: true })
  }

  function manageList({ project: { projectId }, input }: Ask): WireAnswer {
    const token = takeConnectToken(projectId, 'passkey-list', textAt(input, 'connectToken') ?? '')
    if (!token) return invalid('the connect token is not valid')
    return answer({
      passkeys: passkeys.of(projectId, token.identifier).map(passkeyView),
      rpID: options.rpId,
      userID: Buffer.from(token.identifier).toString('base64url'),
    })
  }

  function manageDelete({ project: { projectId }, input }: Ask): WireAnswer {
    const token = takeConnectToken(projectId, 'passkey-delete', textAt(input, 'connectToken') ?? '')
    if (!token) return invalid('the connect token is not valid')
    const credentialID = textAt(input, 'credentialID') ?? ''
    const removed = passkeys.remove(projectId, token.identifier, credentialID)
    return removed ? answer({ credentialID }) : failure(404, { type: 'not_found' })
  }

  function processClear({ input }: Ask): WireAnswer {
    const processId = textAt(input, 'processId')
    if (!processId) return invalid('processId is needed')
    processes.clear(processId)
    return answer({ processId })
  }

  const paths: Readonly<Record<string, Serve>> = {
    '/v2/connect/login/init': loginInit,
    '/v2/connect/login/start': loginStart,
    '/v2/connect/login/finish': loginFinish,
    '/v2/connect/append/init': appendInit,
    '/v2/connect/append/start': appendStart,
    '/v2/connect/append/finish': appendFinish,
    '/v2/connect/manage/init': manageInit,
    '/v2/connect/manage/list': manageList,
    '/v2/connect/manage/delete': manageDelete,
    '/v2/connect/process/clear': processClear,
    '/v2/connect/events': () => noContent,
    '/v2/connect/eventsLow': () => noContent,
  }

  return async (request) => {
    const serve = paths[request.path]
    const project = projects.find(({ projectId }) => projectId === request.headers['x-corbado-projectid'])
    if (!serve || !project) return failure(404, { type: 'not_found' })
    const input = parseJson(request.body)
    if (input === undefined) return failure(400, { type: 'invalid_json' })
    return serve({ project, request, input })
  }
}
