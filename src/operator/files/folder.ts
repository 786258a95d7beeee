import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ConfigRules } from '../../env.js'
import { textAt } from '../../fields.js'
import { eachBounded } from '../../terminal/bounded.js'
import { WrongUsage } from '../../terminal/failure.js'
import { accountClashes } from './clashes.js'
import { type FileIssue, placeOf, type ReadTenantFile, readTenantFile, type TenantEntry } from './read.js'

export interface TenantFolder {
  /** The valid files, by name. */
  readonly entries: readonly TenantEntry[]
  /** Of all files, by file and line. Empty: every file is an entry, and no two of them clash. */
  readonly issues: readonly FileIssue[]
}

/**
 * Reads the `*.yaml` and `*.yml` files of a folder (not of folders in it) and checks each by itself and against the others.
 * @throws WrongUsage if there is no such folder, or no such file in it
 */
export async function readTenantFolder(dir: string, rules: ConfigRules): Promise<TenantFolder> {
  const paths = await yamlFiles(dir)
  const byPath = new Map<string, ReadTenantFile>()
  await eachBounded(paths, async (path) => {
    byPath.set(path, await readTenantFile(path, rules))
    return true
  })
  const files = paths.flatMap((path) => byPath.get(path) ?? [])
  const across = [
    ...clashes(files, 'tenantId'),
    ...clashes(files, 'userPoolId'),
    ...accountClashes(files.map((read) => ({ ...read, where: (path) => placeOf(read.issueAt(path, '')) }))),
  ]
  const checked = files.map((read) => {
    const issues = [...read.issues, ...misnamed(read), ...across.filter(({ file }) => file === read.file)]
    return { ...read, issues: issues.sort((a, b) => a.line - b.line || a.column - b.column) }
  })
  return {
    entries: checked.flatMap(({ tenant, issues, issueAt }) =>
      tenant && issues.length === 0 ? [{ tenant, issueAt }] : [],
    ),
    issues: checked.flatMap(({ issues }) => issues),
  }
}

async function yamlFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') throw new WrongUsage(`${dir} is a file: name the folder that holds it`)
    throw new WrongUsage(
      `the folder ${dir} cannot be read (${error.code}): run this in the folder that holds it, or name another`,
    )
  })
  // As a shell's *.yaml: hidden files are settings of other tools.
  const files = entries.filter((entry) => !entry.isDirectory() && /^[^.].*\.ya?ml$/i.test(entry.name))
  if (files.length === 0) throw new WrongUsage(`the folder ${dir} holds no tenant file (*.yaml)`)
  return files.map(({ name }) => join(dir, name)).sort()
}

/** Files that hold a value which an earlier file holds already, valid in other ways or not. */
function clashes(files: readonly ReadTenantFile[], field: 'tenantId' | 'userPoolId'): FileIssue[] {
  const first = new Map<string, ReadTenantFile>()
  return files.flatMap((read) => {
    const text = textAt(read.value, field)
    if (text === undefined) return []
    const known = first.get(text)?.issueAt(`/${field}`, '')
    if (known) return [read.issueAt(`/${field}`, `is already used in ${placeOf(known)}`)]
    first.set(text, read)
    return []
  })
}

/** One look at the folder must tell which tenants there are. */
function misnamed({ file, value, issues, issueAt }: ReadTenantFile): FileIssue[] {
  const tenantId = textAt(value, 'tenantId')
  if (tenantId === undefined || issues.some(({ field }) => field === 'tenantId')) return []
  const expected = `${tenantId}.yaml`
  return basename(file) === expected ? [] : [issueAt('/tenantId', `needs the file to be named ${expected}`)]
}
