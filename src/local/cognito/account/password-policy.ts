import type { UserPool } from '../pool/pools.js'
import { DEFAULTS } from '../pool/settings.js'
import { Refusal } from '../pool/wire.js'

const NUMBER = /\d/
const UPPER = /[A-Z]/
const LOWER = /[a-z]/
/** Those that Cognito counts as such; a space only inside. */
const SYMBOL = /[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+-]|\S \S/

/**
 * Is a password what the pool's policy demands?
 * @throws InvalidPasswordException naming the first thing that it is not
 */
export function assertPasswordPolicy({ settings }: UserPool, password: string): void {
  const policy = settings?.Policies?.PasswordPolicy ?? DEFAULTS.Policies?.PasswordPolicy ?? {}
  const { MinimumLength = 0, RequireUppercase, RequireLowercase, RequireNumbers, RequireSymbols } = policy
  const demands: readonly [unmet: boolean | undefined, what: string][] = [
    [password.length < MinimumLength, 'Password not long enough'],
    [RequireLowercase && !LOWER.test(password), 'Password must have lowercase characters'],
    [RequireUppercase && !UPPER.test(password), 'Password must have uppercase characters'],
    [RequireNumbers && !NUMBER.test(password), 'Password must have numeric characters'],
    [RequireSymbols && !SYMBOL.test(password), 'Password must have symbol characters'],
  ]
  const unmet = demands.find(([missing]) => missing)
  if (unmet) throw new Refusal('InvalidPasswordException', `Password did not conform with policy: ${unmet[1]}`)
}
