import { rm } from 'node:fs/promises'
import type { ConfigRules } from '../../env.js'
import { fieldAt } from '../../fields.js'
import type { UserPoolId } from '../../ids.js'
import { readTenantFile } from './read.js'

/** What became of the file of a tenant that was removed. */
export interface FileDeletion {
  readonly file: string
  readonly deleted: boolean
  /** Why it was not. */
  readonly reason?: string
}

/** Deletes a tenant's file, unless it is another pool's. */
export async function deleteTenantFile(
  file: string,
  userPoolId: UserPoolId,
  rules: ConfigRules,
): Promise<FileDeletion> {
  const { value } = await readTenantFile(file, rules)
  if (value === undefined) return { file, deleted: false, reason: 'is not there' }
  if (fieldAt(value, 'userPoolId') !== userPoolId) return { file, deleted: false, reason: 'is not of this user pool' }
  await rm(file)
  return { file, deleted: true }
}
