import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigRules } from '../../env.js'
import { type Fields, fieldAt, isFields } from '../../fields.js'
import type { UserPoolId } from '../../ids.js'
import type { TenantFile } from '../../tenant/config.js'
import { inLine } from '../../terminal/clean.js'
import { readTextFile, replaceFile } from '../../terminal/file.js'
import { shellWord } from '../../terminal/text.js'
import { changesOf } from '../records/changes.js'
import { readTenantFile, TENANT_BYTES_MAX } from './read.js'
import { parseYamlFile } from './yaml.js'
import { editYaml, type YamlFieldEdit } from './yaml-edit.js'

/** What became of a tenant's file when its record changed. */
export interface FileEdit {
  readonly file: string
  /** `edited`; `as-wanted`: it said so already; `absent`; or `left-alone`, for the `reason`. */
  readonly state: 'edited' | 'as-wanted' | 'absent' | 'left-alone'
  readonly reason?: string
  /** Fields in which the file still differs from the record: work that was not applied yet. */
  readonly otherDifferences: readonly string[]
}

/** A config that replaced another in the table. */
interface ConfigChange {
  readonly before: TenantFile
  readonly after: TenantFile
  /** Fields that the file gets as the record has them, also if these did not change. */
  readonly always?: readonly (keyof TenantFile)[]
}

/** Makes in a tenant's file, if the folder has one, the changes that its record went through. All else in it stays. */
export async function editTenantFile(dir: string, { before, after, always = [] }: ConfigChange): Promise<FileEdit> {
  const file = join(dir, `${before.tenantId}.yaml`)
  const leftAlone = (reason: string): FileEdit => ({ file, state: 'left-alone', reason, otherDifferences: [] })
  const read = await readTextFile(file, TENANT_BYTES_MAX)
  if (read.kind === 'absent') return { file, state: 'absent', otherDifferences: [] }
  if (read.kind === 'unreadable') return leftAlone(read.why)
  const { text } = read
  const { value, problems } = parseYamlFile(text)
  if (problems.length > 0)
    return leftAlone(`has errors, which are told by: corbado-gateway tenants validate ${shellWord(dir)}`)
  if (!isFields(value) || value.userPoolId !== before.userPoolId) return leftAlone('is not of this user pool')
  if (after.tenantId !== before.tenantId) {
    return leftAlone(`would need another name: move it to ${after.tenantId}.yaml and change tenantId`)
  }
  const also = always.filter((name) => isDeepStrictEqual(before[name], after[name]))
  const edits = [
    ...fieldEdits(before, after),
    ...also.flatMap((name) => (isDeepStrictEqual(value[name], after[name]) ? [] : [{ path: [name], to: after[name] }])),
  ]
  const edited = edits.length === 0 ? text : editYaml(text, edits)
  if (edited === undefined) {
    const fields = edits.map(({ path }) => path.join('.')).join(', ')
    return leftAlone(`is written in a way that could not be edited: change it by hand (${fields})`)
  }
  const otherDifferences = changesOf(after, parseYamlFile(edited).value).map(({ field }) => field)
  if (edited === text) return { file, state: 'as-wanted', otherDifferences }
  try {
    // A tenant's file is the one that a person wrote: a full disk must not cut it off.
    await replaceFile(file, edited)
    return { file, state: 'edited', otherDifferences }
  } catch (error) {
    return leftAlone(`cannot be written (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** The differences of two configs: whole sections if one of them has none, else single fields. */
function fieldEdits(before: Fields, after: Fields, path: readonly string[] = []): YamlFieldEdit[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const [from, to] = [before[key], after[key]]
    if (isDeepStrictEqual(from, to)) return []
    const place = [...path, key]
    return isFields(from) && isFields(to) ? fieldEdits(from, to, place) : [{ path: place, to }]
  })
}

/** What became of the file, in lines for a person. */
export function fileEditLines({ file, state, reason, otherDifferences }: FileEdit): string[] {
  const differs = `which were left as they are: ${otherDifferences.join(', ')}`
  // What was to be changed may be nothing at all: then it does not say all that the table does.
  if (state === 'as-wanted' && otherDifferences.length > 0) {
    return [inLine(`${file} differs from the table in fields ${differs}`)]
  }
  const first = {
    edited: `${file}: changed likewise`,
    'as-wanted': `${file} says so already`,
    absent: `${file} is not there: no file was changed`,
    'left-alone': `${file} was left as it is: it ${reason}`,
  }[state]
  if (otherDifferences.length === 0) return [inLine(first)]
  return [inLine(first), inLine(`${file} differs from the table in other fields, ${differs}`)]
}

/** What became of the file of a tenant that was removed. */
interface FileDeletion {
  readonly file: string
  readonly deleted: boolean
  /** Why it was not. */
  readonly reason?: string
}

/** A tenant's file; with a reason if there is none of this pool under its name. */
export type TenantFileFound = Pick<FileDeletion, 'file' | 'reason'>

/** Looks for a tenant's file, as {@link deleteTenantFile} would delete it. */
export async function findTenantFile(
  file: string,
  userPoolId: UserPoolId,
  rules: ConfigRules,
): Promise<TenantFileFound> {
  const { value } = await readTenantFile(file, rules)
  if (value === undefined) return { file, reason: 'is not there' }
  return fieldAt(value, 'userPoolId') === userPoolId ? { file } : { file, reason: 'is not of this user pool' }
}

/** Deletes a tenant's file, unless it is another pool's. */
export async function deleteTenantFile(
  file: string,
  userPoolId: UserPoolId,
  rules: ConfigRules,
): Promise<FileDeletion> {
  const found = await findTenantFile(file, userPoolId, rules)
  if (found.reason !== undefined) return { ...found, deleted: false }
  await rm(file)
  return { file, deleted: true }
}
