import { createCall } from '../../call.js'
import { wayAdvice } from '../../operator/advice.js'
import { readSecret } from '../../operator/credential.js'
import { corbadoSaid, falseProof } from '../../operator/doctor/checks/corbado.js'
import type { TenantFile } from '../../tenant/config.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'
import type { Kind } from './kind.js'

/** The Backend API credential of a tenant. */
export function credentialKind(
  { tenantId, corbado }: TenantFile,
  upstreams: OperatorUpstreams,
  variables: CommandIo['env'],
): Kind {
  return {
    noun: 'credential',
    parameter: corbado.credentialParameter,
    question: `Backend API credential of ${tenantId} (${corbado.projectId}): `,
    read: (given) => readSecret(given, corbado),
    try: (value) => tryCredential(value, corbado, upstreams, variables),
    taker: 'Corbado',
  }
}

/**
 * Shows Corbado a proof that no key signed, which uses nothing up: what it says of the credential comes first.
 * @throws NotPossible if it does not accept the credential, or cannot be asked
 */
async function tryCredential(
  value: string,
  { projectId, backendApiUrl, credentialScheme }: TenantFile['corbado'],
  { verifySignedData }: OperatorUpstreams,
  variables: CommandIo['env'],
): Promise<void> {
  const authorization = `${credentialScheme === 'basic' ? 'Basic' : 'Bearer'} ${value}`
  const answer = await verifySignedData(
    { backendApiUrl, authorization, signedPasskeyData: falseProof(projectId), username: 'doctor' },
    createCall(TRY_MS),
  )
  if (answer.kind === 'result') return
  const said = corbadoSaid(answer, backendApiUrl)
  if (answer.kind === 'unauthorized') {
    throw new NotPossible(
      `the credential was not stored: ${said}, it does not accept it. If the key is bound to addresses or needs time: --no-check`,
    )
  }
  if (answer.facts.status === 404) {
    throw new NotPossible(
      `the credential was not stored: ${said}, it does not know ${projectId}, or is not the Backend API`,
    )
  }
  const { kind, facts, cause } = answer
  const advice = wayAdvice({ ...facts, timeUp: kind === 'timeout', cause }, variables)
  const why = advice === undefined ? said : `${said}: ${advice}`
  // Advice may be a question.
  const ended = why.endsWith('?') ? why : `${why}.`
  throw new NotPossible(
    `the credential was not stored: it could not be tried, ${ended} To store it untried: --no-check`,
  )
}

/** A person waits for it. */
const TRY_MS = 10_000
