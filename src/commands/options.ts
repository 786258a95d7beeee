import { InvalidArgumentError } from 'commander'
import { isUserPoolId, type UserPoolId } from '../ids.js'
import { TENANTS_DIR } from '../operator/unapplied.js'

/** What a command about one tenant takes. */
export const TENANT_ARGUMENT = ['<tenant>', 'tenant id, user pool id, or a customer with one pool'] as const

/** What a command about all tenant files takes. */
export const FOLDER_ARGUMENT = ['[dir]', 'folder of the tenant files', TENANTS_DIR] as const

/** @throws InvalidArgumentError if the text cannot be the id of a user pool */
export function parseUserPoolId(text: string): UserPoolId {
  if (isUserPoolId(text)) return text
  throw new InvalidArgumentError('It is the id of a user pool, such as eu-central-1_AbCdEf123.')
}
