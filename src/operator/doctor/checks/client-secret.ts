import { clientSecretName, readClientSecret } from '../../credential.js'
import { clientName, type PoolClient, type PoolClients, secretDigest } from '../../pool/clients.js'
import { dependentOne, type Finding, failed, IN_FILE, passed, warned } from './finding.js'
import { readParameter } from './parameter.js'
import type { Patient } from './patient.js'

const CHECK = 'client-secret'

/**
 * Has post-login the secret of its app client? Nobody is signed in for it: what is stored is compared with what Cognito
 * names, if the app clients could be read.
 */
export async function checkClientSecret(patient: Patient, read: PoolClients | undefined): Promise<Finding> {
  const { config, word } = patient
  const { postLogin } = config.actions
  if (!postLogin) return passed(CHECK, 'Not needed: there is no actions.postLogin.')
  const { clientId, clientSecretParameter: name } = postLogin
  const client = read?.clients.find(({ ClientId }) => ClientId === clientId)
  if (name === undefined) return withoutParameter(client, patient)
  const store = `operator: corbado-gateway secret set ${word} --client`
  const stored = await readParameter(CHECK, name, patient, store)
  if (stored.kind === 'unread') return stored.finding
  const form = readClientSecret(stored.value.value, clientId)
  if (form.kind === 'refused') return failed(CHECK, `${name} holds no secret of an app client: ${form.why}.`, store)
  if (client === undefined) {
    return passed(CHECK, `${name} holds a secret; whether it is that of ${clientId} could not be seen.`)
  }
  return compared(form.value, client, name, store)
}

function withoutParameter(client: PoolClient | undefined, { config, word }: Patient): Finding {
  if (client === undefined) return dependentOne(CHECK, 'app-clients')
  if (client.secretDigest === undefined) {
    return passed(CHECK, `${clientName(client)}, through which post-login signs in, has no secret.`)
  }
  const name = clientSecretName(config.corbado)
  return failed(
    CHECK,
    `${clientName(client)}, through which post-login signs in, has a secret, and the config names no parameter for it.`,
    `operator: add clientSecretParameter: ${name} to actions.postLogin ${IN_FILE}, then: corbado-gateway secret set ${word} --client`,
  )
}

function compared(secret: string, client: PoolClient, name: string, store: string): Finding {
  if (client.secretDigest === undefined) {
    return failed(
      CHECK,
      `${clientName(client)} has no secret, and Cognito refuses a login with one.`,
      `operator: take actions.postLogin.clientSecretParameter out ${IN_FILE}`,
    )
  }
  if (client.secretDigest === secretDigest(secret)) {
    return passed(CHECK, `${name} holds the secret of ${clientName(client)}.`)
  }
  // An app client can have a second secret, which Cognito tells apart.
  return warned(
    CHECK,
    `${name} holds another secret than the one that Cognito names for ${clientName(client)}: post-login fails, unless that is its second one.`,
    store,
  )
}
