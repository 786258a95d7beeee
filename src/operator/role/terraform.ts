import { type CustomerRole, ROLE_VERSION } from './role.js'

/** The role as Terraform text: it stands by itself in a configuration of the customer's account, and refuses any other. */
export function customerRoleTerraform({ path, name, arn, trust, permissions }: CustomerRole): string {
  const [, partition, , , accountId] = arn.split(':')
  return `# The role of the Corbado passkey gateway, version ${ROLE_VERSION}
data "aws_caller_identity" "${name}" {}

resource "aws_iam_role" "${name}" {
  name        = ${hclText(name)}
  path        = ${hclText(path)}
  description = "Corbado passkey gateway"

  # If your account asks for a permissions boundary:
  # permissions_boundary = "arn:${partition}:iam::${accountId}:policy/your-boundary"

  assume_role_policy = jsonencode(${hcl(trust, '  ')})

  lifecycle {
    precondition {
      condition     = data.aws_caller_identity.${name}.account_id == "${accountId}"
      error_message = "This is not the account that Corbado made this role for."
    }
  }
}

resource "aws_iam_role_policy" "${name}" {
  name = "corbado"
  role = aws_iam_role.${name}.id

  policy = jsonencode(${hcl(permissions, '  ')})
}
`
}

/** JSON's value in HCL, laid out as `terraform fmt` does. */
function hcl(value: unknown, indent: string): string {
  if (typeof value === 'string') return hclText(value)
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${inner}${hcl(item, inner)},\n`).join('')}${indent}]`
  }
  const fields = Object.entries(value ?? {}).map(([key, field]) => ({ key: hclKey(key), text: hcl(field, inner) }))
  const lines = fields.map(({ key, text }, index) => `${inner}${key.padEnd(keyWidth(fields, index))} = ${text}\n`)
  return `{\n${lines.join('')}${indent}}`
}

/** Fields of one line that follow each other have their signs in one column. */
function keyWidth(fields: readonly { readonly key: string; readonly text: string }[], index: number): number {
  const isLong = (at: number) => fields[at]?.text.includes('\n') ?? true
  if (isLong(index)) return 0
  let [first, last] = [index, index]
  while (!isLong(first - 1)) first -= 1
  while (!isLong(last + 1)) last += 1
  return Math.max(...fields.slice(first, last + 1).map(({ key }) => key.length))
}

const hclKey = (key: string) => (/^[A-Za-z][\w-]*$/.test(key) ? key : hclText(key))

/**
 * A text as HCL quotes it. `\${` and `%{` would begin an expression there, which the tool that reads it carries out; of the
 * escapes of JSON, HCL does not know `\b` and `\f`.
 */
export function hclText(text: string): string {
  const unknown: Readonly<Record<string, string>> = { '\\b': '\\u0008', '\\f': '\\u000c' }
  return JSON.stringify(text)
    .replace(/\\./g, (pair) => unknown[pair] ?? pair)
    .replace(/([$%])\{/g, '$1$1{')
}
