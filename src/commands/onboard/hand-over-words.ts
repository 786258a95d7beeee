import { FEATURE_NAMES, FEATURES, type Feature } from '../../operator/role/features.js'
import type { TenantFile } from '../../tenant/config.js'

/** Every operation that the role allows, and what for. */
export function permissionsTable(features: readonly Feature[]): string {
  const rows = FEATURE_NAMES.filter((name) => features.includes(name)).flatMap((name) =>
    Object.entries<string>(FEATURES[name].operations).map(
      ([operation, why]) => `| \`cognito-idp:${operation}\` | ${why} |\n`,
    ),
  )
  return `| operation | why: Corbado … |\n|---|---|\n${rows.join('')}`
}

const factors = {
  sms: { name: 'a code by SMS', channel: 'phone number' },
  email: { name: 'a code by e-mail', channel: 'e-mail address' },
  'software-token': { name: 'a code of their authenticator app', channel: undefined },
} as const

/** What users of the pool will notice. */
export function whatChanges({ login, actions }: TenantFile, features: readonly Feature[]): string[] {
  const { mfa } = actions.postAppend
  const flow =
    login?.flow === 'password-then-passkey'
      ? 'Users with a passkey enter their password first and then use the passkey.'
      : 'Users with a passkey can sign in with it instead of a password.'
  return [
    `${flow} All other ways to sign in go on working, also while Corbado cannot be reached.`,
    ...(mfa === 'none' ? [] : [mfaWords(mfa)]),
    "Users whom Corbado looks up at a sign-in count towards the pool's monthly active users.",
    ...(features.includes('checks')
      ? []
      : [
          'Corbado may not read the settings of the pool, so it cannot tell you when they stand in the way of passkeys.',
        ]),
  ]
}

function mfaWords(mfa: keyof typeof factors): string {
  const { name, channel } = factors[mfa]
  const reset =
    channel === undefined ? '' : ` Cognito then no longer sends codes for a forgotten password to their ${channel}.`
  const asked = `from then on a sign-in with their password asks for ${name}`
  return `Users who add a passkey and have no MFA factor yet get one: ${asked}.${reset}`
}
