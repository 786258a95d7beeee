import { type App, CfnOutput, Stack } from 'aws-cdk-lib'
import {
  AccountPrincipal,
  Effect,
  type IPrincipal,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam'
import { OPERATOR_SETTINGS } from '../../../src/operator/settings.js'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { HostedConfig } from '../config/config.js'
import { functionOrContainers } from '../containers/principal.js'
import { createTemplateBucket } from '../gateway/customer-template-bucket.js'
import { customerRolesIn, NAMES } from '../names.js'

/**
 * What there is once for all regions: the two roles that customers' roles trust, and the template of these. A pool with a
 * replica is served from two regions, and its role names one gateway role.
 */
export class GlobalStack extends Stack {
  constructor(app: App, { account, homeRegion: region, operatorRoleArn, regions }: HostedConfig) {
    super(app, 'CorbadoGatewayGlobal', {
      env: { account, region },
      description: 'Corbado passkey gateway: all regions',
    })
    const hasContainers = Object.values(regions).some(({ containers }) => containers !== undefined)
    const worker = hasContainers ? functionOrContainers(account) : new ServicePrincipal('lambda.amazonaws.com')
    const gateway = this.#role('GatewayRole', NAMES.gatewayRole, worker, {
      // No role is assumed without an ExternalId: no tenant's config can make us use one that asks for none.
      Null: { 'sts:ExternalId': 'false' },
    })
    // By account and condition, as customers trust us: a principal that names a role dies with it (fact A34).
    const operator = new AccountPrincipal(account).withConditions({
      ArnEquals: { 'aws:PrincipalArn': operatorRoleArn },
    })
    // Tries the roles without an ExternalId too: one that lets it in so could be used by any tenant's config.
    const doctor = this.#role('DoctorRole', NAMES.doctorRole, operator, {})
    const outputs = {
      [OPERATOR_SETTINGS.gatewayRoleArn.name]: gateway.roleArn,
      [OPERATOR_SETTINGS.doctorRoleArn.name]: doctor.roleArn,
      [OPERATOR_SETTINGS.customerTemplateUrl.name]: createTemplateBucket(this, account),
    }
    for (const [name, value] of Object.entries(outputs))
      new CfnOutput(this, outputId(name), { value, description: name })
  }

  #role(id: string, roleName: string, assumedBy: IPrincipal, conditions: Record<string, unknown>): Role {
    const resource = customerRolesIn(this.region)
    const assume = new PolicyStatement({
      effect: Effect.ALLOW,
      actions: ['sts:AssumeRole'],
      resources: [resource],
      conditions,
    })
    const role = new Role(this, id, {
      roleName,
      assumedBy,
      description: 'Corbado passkey gateway',
      inlinePolicies: { 'customers-roles': new PolicyDocument({ statements: [assume] }) },
    })
    acknowledge(role, {
      [wildcardResource(resource)]:
        "Customers' accounts and pools are not known here; path and beginning of the name are fixed.",
    })
    return role
  }
}

/** `GATEWAY_ROLE_ARN` as the id of an output, which may have letters and digits alone. */
export function outputId(setting: string): string {
  return setting.toLowerCase().replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())
}
