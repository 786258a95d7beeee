import { fork } from 'node:child_process'
import { once } from 'node:events'
import { marshall } from '@aws-sdk/util-dynamodb'
import type { TenantFile } from '../../../src/tenant/config.js'

/** All dependencies of a gateway at one address, in a process of their own: world.mjs. */
export interface Services {
  readonly url: string
  /** Lets every pool be one of this tenant: a record of its own, role and credential are there for each. */
  putTenants(tenant: TenantFile): Promise<void>
  /** Where the SDK finds AWS. */
  readonly endpoints: Record<string, string>
  /** Hands over a message, and waits until it has been obeyed. */
  ask(message: object): Promise<{ counts: Record<string, number> }>
  stop(): void
}

export async function startServices(): Promise<Services> {
  const child = fork('test/bench/soak/world.mjs')
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  async function ask(message: object) {
    child.send(message)
    const [answer] = await once(child, 'message')
    return answer as { counts: Record<string, number> }
  }
  const url = `http://127.0.0.1:${port}`
  async function putTenants(tenant: TenantFile) {
    const aws = { ...tenant.aws, roleArn: `arn:aws:iam::${tenant.aws.accountId}:role/corbado/corbado-POOL` }
    const credentialParameter = '/corbado/gateway/POOL/backend-api'
    const corbado = { ...tenant.corbado, backendApiUrl: url, credentialParameter }
    const config = { ...tenant, userPoolId: 'POOL', aws, corbado }
    const record = { userPoolId: 'POOL', record: 'config', version: 1, updatedAt: '', updatedBy: 'bench', config }
    await ask({ template: JSON.stringify(marshall(record)) })
  }
  const names = ['DYNAMODB', 'SSM', 'STS', 'COGNITO_IDENTITY_PROVIDER']
  const endpoints = Object.fromEntries(names.map((name) => [`AWS_ENDPOINT_URL_${name}`, url]))
  return { url, endpoints, putTenants, ask, stop: () => child.disconnect() }
}
