import { ArnPrincipal } from 'aws-cdk-lib/aws-iam'
import { Alias, type Function as LambdaFunction, Version } from 'aws-cdk-lib/aws-lambda'
import type { Release } from '../config/parts.js'

export interface AliasesOptions {
  readonly functionArn: string
  readonly tenantAliases: readonly string[]
  readonly actionsAlias: string
  /** Who invokes actions; undefined: no caller is let in. */
  readonly actionCallerRoleArn: string | undefined
  readonly release: Release | undefined
}

/**
 * The aliases, all at the same version. Who may invoke through a tenant alias is in its resource policy, which
 * `corbado-gateway aliases grant` writes as a whole (PutResourcePolicy): statements of CloudFormation's would be lost with
 * the next pool, so there are none. The policy of the actions alias is made here and nowhere else.
 */
export function createAliases(gateway: LambdaFunction, options: AliasesOptions): void {
  const { tenantAliases, actionsAlias, actionCallerRoleArn } = options
  const versions = versionsOf(gateway, options)
  for (const aliasName of tenantAliases) new Alias(gateway, `Alias-${aliasName}`, { aliasName, ...versions })
  const actions = new Alias(gateway, 'Alias-for-actions', { aliasName: actionsAlias, ...versions })
  if (actionCallerRoleArn !== undefined) {
    actions.addPermission('Corbado', { principal: new ArnPrincipal(actionCallerRoleArn) })
  }
}

/** Where aliases point: at this code, or at the stable version with a share of this code, which may be none of it. */
function versionsOf(gateway: LambdaFunction, { functionArn, release }: AliasesOptions) {
  const fresh = gateway.currentVersion
  if (!release) return { version: fresh }
  const version = Version.fromVersionArn(gateway, 'StableVersion', `${functionArn}:${release.stableVersion}`)
  const weight = release.newVersionWeight
  return weight === 0 ? { version } : { version, additionalVersions: [{ version: fresh, weight }] }
}
