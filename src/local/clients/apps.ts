import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { readTextFile } from '../../terminal/file.js'
import { closestNames } from '../../terminal/text.js'

/** What a customer's app needs to sign users in. */
export interface App {
  /** Of the newcomer, the one that it has once it is onboarded. */
  readonly tenantId: string
  readonly userPoolId: string
  readonly clientId: string
  readonly projectId: string
  readonly credentialScheme: 'basic' | 'bearer'
  /** How its users sign in with a passkey, as the tenant's file said when the stack began. */
  readonly flow: 'passkey' | 'password-then-passkey'
  /** Who has an account there, by what they type. */
  readonly users: readonly { readonly identifier: string; readonly password: string }[]
}

/** All apps of one embedded stack, and the addresses that they talk to. */
export interface Apps {
  readonly cognito: string
  readonly corbado: string
  /** Where commands change the stack. */
  readonly admin: string
  readonly apps: readonly App[]
}

/** Environment variable with the path of the file in which a running stack keeps its apps. */
export const APPS_VARIABLE = 'LOCAL_APPS'

const APPS_BYTES_MAX = 1024 * 1024

/**
 * Reads what a running stack wrote of its apps.
 * @throws WrongUsage if the environment names none, NotPossible if the stack has ended
 */
export async function readApps(env: Readonly<Record<string, string | undefined>>): Promise<Apps> {
  const file = env[APPS_VARIABLE]
  if (!file) throw new WrongUsage(`${APPS_VARIABLE} is not set: read in an environment file that npm start names`)
  const read = await readTextFile(file, APPS_BYTES_MAX)
  if (read.kind !== 'text') {
    const why = read.kind === 'absent' ? 'is not there' : read.why
    throw new NotPossible(`${file} ${why}: npm start has ended, or was started again`)
  }
  // The file is this program's own.
  const apps = JSON.parse(read.text) as Apps
  for (const [name, url] of Object.entries({ cognito: apps.cognito, corbado: apps.corbado })) assertLoopback(name, url)
  return apps
}

/**
 * The app of a tenant, by its tenant id or its user pool's.
 * @throws WrongUsage naming those that there are
 */
export function findApp({ apps }: Apps, word: string): App {
  const app = apps.find(({ tenantId, userPoolId }) => word === tenantId || word === userPoolId)
  if (app) return app
  const names = apps.flatMap(({ tenantId, userPoolId }) => [tenantId, userPoolId])
  const close = closestNames(names, word)
  const meant = close.length > 0 ? `did you mean ${close.join(' or ')}? ` : ''
  const known = apps.map(({ tenantId }) => tenantId).join(', ')
  throw new WrongUsage(`the embedded stack has no tenant ${word}: ${meant}There are ${known}`)
}

/**
 * Keeps commands of the embedded stack away from everything else.
 * @param name of the variable or field that holds the address, for the message
 * @throws WrongUsage if there is no address, or one that is not loopback's
 */
export function assertLoopback(name: string, url: string | undefined): string {
  const advice = 'this is for the embedded stack alone; read in an environment file that npm start names'
  if (!url) throw new WrongUsage(`${name} is not set: ${advice}`)
  if (URL.canParse(url) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)) return url
  throw new WrongUsage(`${name} is ${url}, which is not on this machine: ${advice}`)
}
