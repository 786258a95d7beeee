import type { ConfigRules } from '../../env.js'
import { fieldName } from '../../fields.js'
import type { TenantFile } from '../../tenant/config.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { readTextFile } from '../../terminal/file.js'
import { type Position, parseYamlFile, type YamlFile } from './yaml.js'

/** One thing wrong with one file. */
export interface FileIssue extends Position {
  readonly file: string
  /** Names joined by dots, e.g. `aws.roleArn`; empty if the whole file is meant. */
  readonly field: string
  readonly message: string
}

/** Where an issue is, for a person. */
export function placeOf({ file, line, column }: FileIssue): string {
  return `${file}:${line}:${column}`
}

/** One file as it was read, whatever is in it. */
export interface ReadTenantFile {
  readonly file: string
  /** The content; undefined if it is not the YAML that we accept. */
  readonly value: unknown
  /** The same content, if it is valid by itself. */
  readonly tenant: TenantFile | undefined
  readonly issues: readonly FileIssue[]
  /** Words an issue at a path (a JSON pointer) of the content. */
  issueAt(path: string, message: string): FileIssue
}

/** A valid file. */
export interface TenantEntry {
  readonly tenant: TenantFile
  /** Words an issue at a path (a JSON pointer) of the file. */
  issueAt(path: string, message: string): FileIssue
}

/** A config is less than 4 KB; what is so much larger was put there by mistake. */
export const TENANT_BYTES_MAX = 64 * 1024

/** Reads one file and checks it by itself; a file that cannot be read is an issue like any other. */
export async function readTenantFile(file: string, rules: ConfigRules): Promise<ReadTenantFile> {
  const read = await readTextFile(file, TENANT_BYTES_MAX)
  const yaml = read.kind === 'text' ? parseYamlFile(read.text) : unread(read.why)
  const issueAt = (path: string, message: string): FileIssue => {
    const { unquoted, ...position } = yaml.locate(path)
    return { file, ...position, field: fieldName(path), message: withQuotes(message, unquoted) }
  }
  const { value, problems } = yaml
  if (problems.length > 0) {
    const issues = problems.map(({ path, ...rest }) => ({ file, field: fieldName(path), ...rest }))
    return { file, value, tenant: undefined, issues, issueAt }
  }
  const parsed = parseTenantFile(value, rules)
  if (parsed.kind === 'valid') return { file, value, tenant: parsed.file, issues: [], issueAt }
  return {
    file,
    value,
    tenant: undefined,
    issues: parsed.issues.map((issue) => issueAt(issue.path, issue.message)),
    issueAt,
  }
}

function unread(message: string): YamlFile {
  const start = { line: 1, column: 1 }
  const locate = () => ({ ...start, unquoted: undefined })
  return { value: undefined, problems: [{ path: '', message, ...start }], locate }
}

/** `accountId: 012345678901` is a number for YAML, and has lost its zero. */
function withQuotes(message: string, unquoted: string | undefined): string {
  return message === 'must be string' && unquoted !== undefined
    ? `${message}: write it in quotes, "${unquoted}"`
    : message
}
