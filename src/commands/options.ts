import { InvalidArgumentError } from 'commander'
import { isUserPoolId, REGION_PATTERN, type UserPoolId } from '../ids.js'
import { TENANTS_DIR } from '../operator/unapplied.js'

/** What a command about one tenant takes. */
export const TENANT_ARGUMENT = ['<tenant>', 'tenant id, user pool id, or a customer with one pool'] as const

/** What a command about all tenant files takes. */
export const FOLDER_ARGUMENT = ['[dir]', 'folder of the tenant files', TENANTS_DIR] as const

const regionName = new RegExp(`^${REGION_PATTERN}$`)

/**
 * Reads the id of a user pool.
 * @throws InvalidArgumentError if the text cannot be one: its region is in lower case, or Cognito knows no such pool
 */
export function parseUserPoolId(text: string): UserPoolId {
  if (!isUserPoolId(text))
    throw new InvalidArgumentError('It is the id of a user pool, such as eu-central-1_AbCdEf123.')
  const [begins = '', own] = text.split('_', 2)
  const region = begins.toLowerCase()
  if (begins === region || !regionName.test(region)) return text
  throw new InvalidArgumentError(`It must be written ${region}_${own}: Cognito knows no ${text}.`)
}
