import { Sha256 } from '@aws-crypto/sha256-js'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import { assertLoopback } from '../../local/clients/apps.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Calls CloudFormation of the embedded stack; answers the XML. */
type CallCloudFormation = (operation: string, form: Readonly<Record<string, string>>) => Promise<string>

/**
 * Makes a client with the address and the credentials of the environment.
 * @throws WrongUsage if they are not those of an embedded stack
 */
export function createCloudFormationClient(region: string, env: Environment): CallCloudFormation {
  const endpoint = assertLoopback('AWS_ENDPOINT_URL_CLOUDFORMATION', env.AWS_ENDPOINT_URL_CLOUDFORMATION)
  const signer = new SignatureV4({
    credentials: readCredentials(env),
    region,
    service: 'cloudformation',
    sha256: Sha256,
  })
  const { host, hostname, port } = new URL(endpoint)
  return async (operation, form) => {
    const body = new URLSearchParams({ Action: operation, Version: '2010-05-15', ...form }).toString()
    const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
    const signed = await signer.sign(
      new HttpRequest({ method: 'POST', hostname, port: Number(port), path: '/', headers, body }),
    )
    const answer = await fetch(endpoint, { method: 'POST', headers: signed.headers, body }).catch(() => {
      throw new NotPossible(`nothing answers at ${endpoint}: npm start has ended`)
    })
    const xml = await answer.text()
    if (answer.ok) return xml
    throw new NotPossible(`CloudFormation refused: ${xmlText(xml, 'Code')}: ${xmlText(xml, 'Message')}`)
  }
}

function readCredentials(env: Environment) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  if (!accessKeyId || !secretAccessKey) throw new WrongUsage('there are no credentials: read in customer.env')
  return { accessKeyId, secretAccessKey, ...(env.AWS_SESSION_TOKEN && { sessionToken: env.AWS_SESSION_TOKEN }) }
}

/** The text of the first element of a name; our stand-in puts no markup into it. */
export function xmlText(xml: string, name: string): string {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? ''
}
