import { type Env, parseEnv, SETTINGS } from '../../../src/env.js'
import { ConfigInvalid } from '../config/read.js'

type SettingKey = keyof typeof SETTINGS

/** What the stack knows better than the author of the config. */
export interface FixedSettings {
  readonly tenantTable: string
  readonly selfHosted: boolean
  readonly allowUnqualified: boolean
}

const FIXED: readonly SettingKey[] = ['tenantTable', 'awsRegion', 'selfHosted', 'allowUnqualified']
/** Lambda has no port, and no caller who signs. */
const OF_CONTAINERS: readonly SettingKey[] = ['port', 'host', 'metricsPort', 'callerSecretsParameter']

export interface Environment {
  /** For the function; AWS_REGION is Lambda's own. */
  readonly variables: Record<string, string>
  /** The same, read as the service will read it. */
  readonly env: Env
}

/**
 * The function's environment, checked by the service's own reader: what would stop its start stops the synthesis.
 * @param given settings of the config, by their name in the environment
 * @throws ConfigInvalid for a setting that is unknown or not to be chosen; GW_ERR_ENV_INVALID for a wrong value
 */
export function functionEnvironment(
  given: Readonly<Record<string, string>>,
  region: string,
  { tenantTable, selfHosted, allowUnqualified }: FixedSettings,
): Environment {
  assertChoosable(Object.keys(given))
  const variables = {
    ...given,
    [SETTINGS.tenantTable.name]: tenantTable,
    [SETTINGS.selfHosted.name]: String(selfHosted),
    [SETTINGS.allowUnqualified.name]: String(allowUnqualified),
  }
  const env = parseEnv({ ...variables, [SETTINGS.awsRegion.name]: region })
  const { pseudonymKeyParameter: key, parameterPrefix: prefix } = env
  if (key !== undefined) assertOwnParameter(SETTINGS.pseudonymKeyParameter.name, key, prefix)
  return { variables, env }
}

/** The gateway reads below the prefix alone, and its operators only what is further below, at a pool's id. */
export function assertOwnParameter(setting: string, name: string, prefix: string): void {
  if (name.startsWith(`${prefix}/`) && !name.slice(prefix.length + 1).includes('/')) return
  throw new ConfigInvalid(
    `${setting} must be directly below ${prefix}/: the gateway reads nothing elsewhere, and deeper ones are tenants'`,
  )
}

function assertChoosable(names: readonly string[]): void {
  const keys = Object.keys(SETTINGS) as SettingKey[]
  const choosable = keys.filter((key) => !FIXED.includes(key) && !OF_CONTAINERS.includes(key))
  const known = choosable.map((key): string => SETTINGS[key].name)
  const wrong = names.filter((name) => !known.includes(name))
  if (wrong.length === 0) return
  throw new ConfigInvalid(`settings: ${wrong.join(', ')} cannot be set here; known are ${known.join(', ')}`)
}
