import { type ConfigRules, parseEnv, SETTINGS } from '../env.js'
import { fieldName } from '../fields.js'
import type { ConfigIssue } from '../tenant/config-rules.js'

/** The settings that the rules for a tenant config look at. */
const ruled = [
  'parameterPrefix',
  'backendApiHosts',
  'selfHosted',
  'actionsAlias',
  'pseudonymKeyParameter',
  'gatewayFunctionArn',
] as const satisfies readonly (keyof ConfigRules)[]

/**
 * Reads these settings alone, so that files can be checked without knowing a table or a region.
 * @throws GW_ERR_ENV_INVALID with one line that names a wrong one
 */
export function readConfigRules(source: Readonly<Record<string, string | undefined>>): ConfigRules {
  const own = ruled.map((key) => [SETTINGS[key].name, source[SETTINGS[key].name]])
  // The required ones are asked for by parseEnv only; no rule looks at them.
  return parseEnv({ ...Object.fromEntries(own), TENANT_TABLE: 'not-read', AWS_REGION: 'us-east-1' })
}

/** What is wrong with a config, one text an issue: the field's name, then what is expected of it. */
export function issueTexts(issues: readonly ConfigIssue[]): string[] {
  return issues.map(({ path, message }) => `${fieldName(path)} ${message}`)
}
