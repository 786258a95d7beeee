import { type App, CfnOutput, Stack } from 'aws-cdk-lib'
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { describeCustomerRole } from '../../../src/operator/role/role.js'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { SelfHostedConfig } from '../config/config.js'
import { createAliases } from '../gateway/aliases.js'
import { functionEnvironment } from '../gateway/environment.js'
import { createGateway } from '../gateway/gateway.js'
import { gatewayRights, networkRights } from '../gateway/rights.js'
import { createKey, createTenantTable } from '../gateway/tenant-table.js'
import { arnsIn, NAMES, type Place } from '../names.js'
import { outputId } from './global.js'

/**
 * The gateway in a customer's own account, for one pool. Its config has no role to assume (`aws.roleArn: null`): the
 * function's own role has the rights on the pool. The pool's triggers point at the function without an alias.
 */
export class SelfHostedStack extends Stack {
  constructor(app: App, config: SelfHostedConfig, bundle: string) {
    const place = { account: config.account, region: config.region }
    super(app, 'CorbadoGatewaySelfHosted', { env: place, description: 'Corbado passkey gateway for one user pool' })
    const fixed = { tenantTable: NAMES.table, selfHosted: true, allowUnqualified: true }
    const environment = functionEnvironment(config.settings, config.region, fixed)
    const { actionsAlias, parameterPrefix } = environment.env
    const tableKey = createKey(this, 'TableKey', 'corbado-gateway/table', 'Tenant config of the Corbado gateway')
    const parameterKey = createKey(this, 'ParameterKey', 'corbado-gateway/parameters', 'Secrets of the Corbado gateway')
    createTenantTable(this, { key: tableKey, deletionProtection: config.deletionProtection ?? false })

    const keys = { tableKeyArn: tableKey.keyArn, parameterKeyArn: parameterKey.keyArn }
    const role = this.#createRole(place, config, { place, parameterPrefix, ...keys })
    const { function: functionConfig, network, alarmTopicName, actionCallerRoleArn } = config
    const gateway = createGateway(this, {
      ...{ place, bundle, role: role.withoutPolicyUpdates(), environment, config: functionConfig },
      // The users of one pool sleep.
      ...{ network, alarmTopicName, silenceMinutes: 0 },
    })
    gateway.addPermission('Pool', {
      principal: new ServicePrincipal('cognito-idp.amazonaws.com'),
      sourceArn: arnsIn(place).userPool(config.userPoolId),
      sourceAccount: config.account,
    })
    if (actionCallerRoleArn !== undefined) {
      const functionArn = arnsIn(place).function
      createAliases(gateway, { functionArn, tenantAliases: [], actionsAlias, actionCallerRoleArn, release: undefined })
    }
    const outputs = { GATEWAY_FUNCTION_ARN: arnsIn(place).function, TENANT_TABLE: NAMES.table }
    for (const [name, value] of Object.entries(outputs))
      new CfnOutput(this, outputId(name), { value, description: name })
  }

  #createRole(place: Place, config: SelfHostedConfig, rights: Parameters<typeof gatewayRights>[0]): Role {
    const role = new Role(this, 'GatewayRole', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: 'Corbado passkey gateway',
      inlinePolicies: {
        gateway: new PolicyDocument({
          statements: [...gatewayRights(rights), ...(config.network ? networkRights(rights) : [])],
        }),
        pool: PolicyDocument.fromJson(poolRights(place, config)),
      },
    })
    const arns = arnsIn(place)
    acknowledge(role, {
      [wildcardResource(arns.parametersBelow(rights.parameterPrefix))]: "The pool's secrets are below the one prefix.",
      [wildcardResource(`${arns.logGroup}:log-stream:*`)]: 'Lambda names the streams of the one log group.',
      ...(config.network && { [wildcardResource('*')]: 'Lambda asks for these rights on every network interface.' }),
    })
    return role
  }
}

/** What a customer's role would have to grant, without the checks: a customer who hosts the gateway needs none. */
function poolRights({ account, region }: Place, { userPoolId, postLogin, claim }: SelfHostedConfig): object {
  return describeCustomerRole({
    userPoolId,
    region,
    accountId: account,
    features: [
      'pre-login',
      'post-append',
      ...(postLogin ? ['post-login' as const] : []),
      ...(claim ? ['claim' as const] : []),
    ],
    // Of the trust, which is not asked for here.
    externalId: '',
    gatewayRoleArn: '',
    doctorRoleArn: '',
  }).permissions
}
