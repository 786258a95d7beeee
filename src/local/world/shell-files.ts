import { basename } from 'node:path'
import { actionCaller, customerAdmin, onCall } from '../accounts.js'
import { APPS_VARIABLE, type App, type Apps } from '../clients/apps.js'
import type { Example } from './example.js'
import { NEWCOMER, putNewcomer } from './newcomer.js'
import type { World } from './world.js'

/** The files of an operator who onboards the newcomer, by their paths. */
export interface NewcomerFiles {
  /** Rights of the engineer at the customer's. */
  readonly envFile: string
  /** The Backend API credential of its Corbado project. */
  readonly credentialFile: string
}

/**
 * Writes what a person needs who works with the stack from a shell, and sets up the customer that waits to be onboarded.
 * @returns undefined if there is none: its pool is onboarded already, in the folder of the tenant files
 */
export async function writeShellFiles({
  stack,
  workspace,
  examples,
  admin,
}: Pick<World, 'stack' | 'workspace' | 'examples' | 'admin'>): Promise<NewcomerFiles | undefined> {
  const onboarded = examples.some(({ tenant }) => tenant.userPoolId === NEWCOMER.userPoolId)
  const newcomer = onboarded ? undefined : putNewcomer(stack)
  const apps: Apps = {
    cognito: stack.cognito.url,
    corbado: stack.corbado.url,
    admin: admin.url,
    apps: [...examples.map(appOf), ...(newcomer ? [newcomer.app] : [])],
  }
  const variables = { [APPS_VARIABLE]: await workspace.write('apps.json', JSON.stringify(apps, null, 2)) }
  await workspace.writeEnv('operator.env', { ...forAwsCli(stack.envFor(onCall)), ...variables })
  await workspace.writeEnv(basename(workspace.callerEnvFile), forAwsCli(stack.envFor(actionCaller)))
  if (!newcomer) return undefined
  const { customer, accountId } = NEWCOMER
  const { TENANT_TABLE: _, BACKEND_API_HOSTS: __, ...env } = stack.envFor(customerAdmin(accountId))
  return {
    envFile: await workspace.writeEnv('customer.env', { ...forAwsCli(env), ...variables }),
    credentialFile: await workspace.write(`${customer}.credential`, `${newcomer.credential}\n`),
  }
}

/** Version 1 of the AWS CLI reads the region from another variable. */
function forAwsCli(env: Record<string, string>): Record<string, string> {
  return { ...env, AWS_DEFAULT_REGION: env.AWS_REGION ?? '' }
}

function appOf({ tenant, clientId, person, other, identifier }: Example): App {
  const attribute = tenant.actions.preLogin?.identifierAttribute ?? 'email'
  const users = [
    { identifier, password: person.password },
    { identifier: other.attributes[attribute] ?? '', password: other.password },
  ]
  const { tenantId, userPoolId, corbado, login } = tenant
  const { projectId, credentialScheme } = corbado
  return { tenantId, userPoolId, clientId, projectId, credentialScheme, flow: login?.flow ?? 'passkey', users }
}
