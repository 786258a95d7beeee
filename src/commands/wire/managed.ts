import type { LambdaConfigType, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { isUpstreamError } from '../../errors.js'
import { saidOf } from '../../operator/attempt.js'
import { yamlText } from '../../operator/files/yaml.js'
import { hclText } from '../../operator/role/terraform.js'
import type { OwnedPool } from './pool.js'

/** Tools whose next run would put back what this command changes. */
export const TOOLS = ['cloudformation', 'terraform'] as const
export type Tool = (typeof TOOLS)[number]

/** That a tool manages the pool, and what says so: a tag, or CloudFormation's own word. */
export type Management =
  | { readonly tool: Tool; readonly tag: string }
  | {
      readonly tool: 'cloudformation'
      readonly stack: string
      /** The pool's name in the stack's template. */
      readonly resource: string
    }

/** Tags by which teams mark what Terraform made; it puts none of its own. */
const terraformKeys = /^(terraform|iac|managed[-_ ]?by|provisioned[-_ ]?by|created[-_ ]?by|provisioner)$/i

/** Looks for a tool's traces in a pool's tags. There being none proves nothing. */
export function managementOf(tags: Readonly<Record<string, string>> = {}): (Management & { tag: string }) | undefined {
  for (const [key, value] of Object.entries(tags)) {
    const tag = `${key}=${value}`
    if (key.startsWith('aws:cloudformation:')) return { tool: 'cloudformation', tag }
    if (!terraformKeys.test(key)) continue
    const said =
      /^(terraform|opentofu|tofu)\b/i.test(value) || (/^terraform$/i.test(key) && !/^(false|no|0|)$/i.test(value))
    if (said) return { tool: 'terraform', tag }
  }
  return undefined
}

/** The pool's whole set of triggers as the tool wants it written. */
export function triggersFor(tool: Tool, config: LambdaConfigType): string {
  return tool === 'cloudformation' ? cloudFormation(config) : terraform(config)
}

/** Where the text of {@link triggersFor} belongs. */
export const TOOL_PLACES: Readonly<Record<Tool, string>> = {
  cloudformation: 'under Properties of the AWS::Cognito::UserPool (in CDK: of its CfnUserPool)',
  terraform: 'in the resource "aws_cognito_user_pool", instead of its lambda_config block',
}

function cloudFormation(config: LambdaConfigType): string {
  return yamlText({ LambdaConfig: config })
}

function terraform(config: LambdaConfigType): string {
  const entries = Object.entries(config).filter(([, value]) => value !== undefined)
  const plain = entries.filter(([, value]) => typeof value === 'string').map(([name, value]) => [name, value])
  const blocks = entries.filter(([, value]) => typeof value === 'object')
  const lines = [
    ...attributes(Object.fromEntries(plain), '  '),
    ...blocks.flatMap(([name, value]) => ['', `  ${snakeCase(name)} {`, ...attributes(value, '    '), '  }']),
  ]
  return `lambda_config {\n${lines.join('\n').replace(/^\n/, '')}\n}\n`
}

/** Aligned as `terraform fmt` does. */
function attributes(values: Readonly<Record<string, string>>, indent: string): string[] {
  const named = Object.entries(values).map(([name, value]) => [snakeCase(name), value] as const)
  const width = Math.max(...named.map(([name]) => name.length))
  return named.map(([name, value]) => `${indent}${name.padEnd(width)} = ${hclText(value)}`)
}

/** `CustomSMSSender` is `custom_sms_sender`, `KMSKeyID` is `kms_key_id`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}

/** What manages a pool, as far as CloudFormation and the pool's tags say. */
interface PoolManagement {
  readonly management?: Management | undefined
  /** Sentences on what CloudFormation would not say. */
  readonly warnings: readonly string[]
}

/**
 * Asks CloudFormation whose stack the pool is of: it need not have left a tag. If that is not allowed, or it
 * cannot be reached, a warning says so and the tags alone count.
 */
export async function managementOfPool(pool: OwnedPool, { UserPoolTags }: UserPoolType): Promise<PoolManagement> {
  const tagged = managementOf(UserPoolTags)
  try {
    const stack = await pool.findStack()
    return { management: stack ? { tool: 'cloudformation', ...stack } : tagged, warnings: [] }
  } catch (error) {
    const unknown = 'only its tags were looked at. If one did, see wire plan --as cloudformation'
    return { management: tagged, warnings: [notKnown(error, 'pool', unknown)] }
  }
}

/**
 * The same of one of the pool's app clients, which have no tags: what Terraform made of a pool, it made of its clients too, while
 * a stack may have the pool alone.
 */
export async function managementOfClient(
  pool: OwnedPool,
  { UserPoolTags }: UserPoolType,
  clientId: string,
): Promise<PoolManagement> {
  const tagged = managementOf(UserPoolTags)
  try {
    const stack = await pool.findStack(clientId)
    if (stack) return { management: { tool: 'cloudformation', ...stack }, warnings: [] }
    return { management: tagged?.tool === 'terraform' ? tagged : undefined, warnings: [] }
  } catch (error) {
    const unknown = "only the pool's tags were looked at. If one did, make the change there"
    return { management: tagged, warnings: [notKnown(error, 'app client', unknown)] }
  }
}

function notKnown(error: unknown, what: string, instead: string): string {
  if (!isUpstreamError(error)) throw error
  const asked = `cloudformation:DescribeStackResources: ${saidOf(error)}`
  return `it is not known whether a CloudFormation stack made this ${what} (${asked}); ${instead}`
}
