import { systemClock } from '../../../call.js'
import type { UpstreamFacts } from '../../../errors.js'
import { createTenantSecrets } from '../../../tenant/secrets.js'
import { inLine } from '../../../terminal/clean.js'
import { readSecret } from '../../credential.js'
import { type Check, dependent, type Finding, failed, IN_FILE, notCheckable, passed, warned } from './finding.js'
import { readParameter } from './parameter.js'
import type { Patient } from './patient.js'

const BACKEND_CHECKS = ['backend-credential', 'backend-refusal'] as const

/** Is there a secret that the gateway can use, does Corbado accept it, and does Corbado refuse a proof that is none? */
export async function checkCorbado(patient: Patient): Promise<Finding[]> {
  const { finding, authorization } = await checkSecret(patient)
  if (authorization === undefined) return [finding, ...dependent(BACKEND_CHECKS, 'secret')]
  return [finding, ...(await checkBackend(authorization, patient))]
}

async function checkSecret(patient: Patient): Promise<{ finding: Finding; authorization?: string }> {
  const { config, env, step, word } = patient
  const { corbado } = config
  const { credentialParameter: name } = corbado
  const fix = `operator: corbado-gateway secret set ${word}`
  const read = await readParameter('secret', name, patient, fix)
  if (read.kind === 'unread') return { finding: read.finding }
  // The gateway's own reading of the value.
  const secrets = createTenantSecrets(env, async () => read.value, systemClock)
  const credential = await secrets.backendCredential(config, step())
  if (credential.kind === 'usable') {
    const { authorization } = credential
    return { finding: passed('secret', `${name} holds a credential of ${corbado.projectId}.`), authorization }
  }
  const form = readSecret(read.value.value, corbado)
  const why =
    form.kind === 'refused' ? form.why : `it is not in the form that scheme ${corbado.credentialScheme} asks for`
  return { finding: failed('secret', `${name} holds no credential that the gateway can use: ${why}.`, fix) }
}

/** Shows Corbado a proof that no key signed, for a user who does not exist: it uses nothing up. */
async function checkBackend(authorization: string, { config, upstreams, step, word }: Patient): Promise<Finding[]> {
  const { projectId, backendApiUrl } = config.corbado
  const answer = await upstreams.verifySignedData(
    { backendApiUrl, authorization, signedPasskeyData: falseProof(projectId), username: 'doctor' },
    step(),
  )
  if (answer.kind === 'result') {
    return [passed('backend-credential', `Corbado accepts the credential of ${projectId}.`), verdictOf(answer.result)]
  }
  const { status } = answer.facts
  const said = corbadoSaid(answer, backendApiUrl)
  const credential: Check = 'backend-credential'
  if (answer.kind === 'unauthorized') {
    const fix =
      `operator: corbado-gateway secret set ${word}; or, if the key is bound to addresses or has expired, ` +
      'change that at Corbado (it needs passkeys:verify)'
    return [
      failed(credential, `${said}: it does not accept the credential.`, fix),
      ...dependent(['backend-refusal'], credential),
    ]
  }
  if (status === 404) {
    const fix = `operator: correct corbado.backendApiUrl or corbado.projectId ${IN_FILE}`
    return [
      failed(credential, `${said}: it does not know the project.`, fix),
      ...dependent(['backend-refusal'], credential),
    ]
  }
  return [
    notCheckable(credential, `${said}.`, askCorbado(answer.facts, backendApiUrl)),
    ...dependent(['backend-refusal'], credential),
  ]
}

/** What Corbado did instead of giving a result; if it was not reached, what Node says of that. */
export function corbadoSaid(
  { kind, facts, cause }: { readonly kind: string; readonly facts: UpstreamFacts; readonly cause?: Error },
  backendApiUrl: string,
): string {
  const { status, errorType } = facts
  const corbado = `Corbado (${backendApiUrl})`
  if (status !== undefined) return `${corbado} answered HTTP ${status}${errorType ? ` ${errorType}` : ''}`
  if (kind === 'timeout') return `${corbado} did not answer in time`
  if (kind === 'malformed') return `${corbado} answered with something that is no answer of its (a proxy?)`
  return `${corbado} was not reached: ${inLine(cause?.message ?? errorType ?? kind)}`
}

function askCorbado({ requestId }: UpstreamFacts, backendApiUrl: string): string {
  const request = requestId === undefined ? '' : `, naming the request ${requestId}`
  return (
    `operator: run the doctor again in a minute; if it stays so, see whether ${backendApiUrl} can be reached from ` +
    `here, and ask Corbado${request}`
  )
}

/** What it means that Corbado answered this to a proof that no key signed. */
function verdictOf(result: string): Finding {
  if (result === 'invalid_signature')
    return passed('backend-refusal', 'Corbado refuses a false proof: invalid_signature.')
  const fix = 'operator: ask Corbado before this tenant is served'
  if (result === 'success') return failed('backend-refusal', 'Corbado accepts a proof that no key signed.', fix)
  return warned('backend-refusal', `Corbado refuses a false proof as ${result}, not for its signature.`, fix)
}

/** A proof in Corbado's form (fact C5), with a signature of no project. */
export function falseProof(projectId: string): string {
  const now = Math.floor(systemClock.now() / 1_000)
  const claims = { iss: projectId, sub: 'usr-0', iat: now, nbf: now - 10, exp: now + 300, webauthnId: 'doctor' }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', kid: 'pki-0', typ: 'JWT' })}.${part(claims)}.${Buffer.alloc(256, 1).toString('base64url')}`
}
