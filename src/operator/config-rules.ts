import { type ConfigRules, parseEnv, SETTINGS } from '../env.js'

/** The settings that the rules for a tenant config look at. */
const ruled = [
  'parameterPrefix',
  'backendApiHosts',
  'selfHosted',
  'actionsAlias',
] as const satisfies readonly (keyof ConfigRules)[]

/**
 * Reads these settings alone, so that files can be checked where no table and no region is known.
 * @throws GW_ERR_ENV_INVALID with one line that names a wrong one
 */
export function readConfigRules(source: Readonly<Record<string, string | undefined>>): ConfigRules {
  const own = ruled.map((key) => [SETTINGS[key].name, source[SETTINGS[key].name]])
  // The required ones are asked for by parseEnv only; no rule looks at them.
  return parseEnv({ ...Object.fromEntries(own), TENANT_TABLE: 'not-read', AWS_REGION: 'us-east-1' })
}
