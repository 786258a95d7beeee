import { SETTINGS } from '../../src/env.js'
import { EnvInvalid } from '../../src/errors.js'

/** What the forwarder must be told, other than the SDK's own variables. */
export interface ForwarderSettings {
  /** Origin of the container door. */
  readonly gatewayUrl: URL
  readonly callerSecretsParameter: string
  readonly secretTtlMs: number
  readonly region: string
}

/** Name in the environment of the one setting that the service does not have. */
export const GATEWAY_URL = 'GATEWAY_URL'

interface Setting<T> {
  readonly name: string
  readonly default: string | undefined
  readonly doc: string
  readonly parse: (text: string) => T
}

const gatewayUrl: Setting<URL> = {
  name: GATEWAY_URL,
  default: undefined,
  doc: 'where the container door is, e.g. https://gateway.example.com',
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url && isSafe(url) && url.href === `${url.origin}/`) return url
    throw new Error('an https origin without path, user or query; http only for loopback')
  },
}

function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
}

/**
 * Reads the settings from environment variables, in the service's own words if it has them too.
 * @throws GW_ERR_ENV_INVALID with one line that names the first wrong or missing setting
 */
export function parseSettings(source: Readonly<Record<string, string | undefined>>): ForwarderSettings {
  const read = <T>({ name, doc, parse, ...setting }: Setting<T>): T => {
    const text = source[name] || setting.default
    if (text === undefined) throw new EnvInvalid(`${name} is not set: ${doc}.`)
    try {
      return parse(text)
    } catch (error) {
      // The value is not repeated: the operator may have put the secret itself there.
      throw new EnvInvalid(`${name} must be ${error instanceof Error ? error.message : 'something else'}.`)
    }
  }
  return {
    gatewayUrl: read(gatewayUrl),
    callerSecretsParameter: read(SETTINGS.callerSecretsParameter),
    secretTtlMs: read(SETTINGS.secretTtlSeconds) * 1_000,
    region: read(SETTINGS.awsRegion),
  }
}

/** {@link parseSettings} for a process that is starting: a wrong setting ends it with one line instead of a stack. */
export function parseSettingsOrExit(source: Readonly<Record<string, string | undefined>>): ForwarderSettings {
  try {
    return parseSettings(source)
  } catch (error) {
    if (!(error instanceof EnvInvalid)) throw error
    process.stderr.write(`${error.message} [${error.code}]\n`)
    process.exit(1)
  }
}
