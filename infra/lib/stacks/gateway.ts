import { type App, CfnOutput, Stack } from 'aws-cdk-lib'
import { ManagedPolicy, Policy, Role } from 'aws-cdk-lib/aws-iam'
import { SETTINGS } from '../../../src/env.js'
import { OPERATOR_SETTINGS } from '../../../src/operator/settings.js'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { HostedConfig, RegionConfig } from '../config/config.js'
import { ConfigInvalid } from '../config/read.js'
import { createAliases } from '../gateway/aliases.js'
import { functionEnvironment } from '../gateway/environment.js'
import { createGateway } from '../gateway/gateway.js'
import {
  type OnCallRightsOptions,
  type OperatorRightsOptions,
  onCallRights,
  operatorRights,
} from '../gateway/operator-rights.js'
import { gatewayRights, networkRights, type RightsOptions } from '../gateway/rights.js'
import { createKey, createTenantTable } from '../gateway/tenant-table.js'
import { arnsIn, logGroupsOf, NAMES } from '../names.js'
import { SILENCE_MINUTES } from '../watch/alarms.js'
import { outputId } from './global.js'

export interface GatewayStackOptions {
  readonly hosted: HostedConfig
  readonly region: string
  readonly config: RegionConfig
  /** Folder with the function's built code. */
  readonly bundle: string
}

/** The gateway of one region: table or replica, keys, function, aliases, rights, and what watches over them. */
export class GatewayStack extends Stack {
  /** Key of every secret in this region's parameters. */
  readonly parameterKeyArn: string
  /** Key of this region's table or replica. */
  readonly tableKeyArn: string

  constructor(app: App, { hosted, region, config, bundle }: GatewayStackOptions) {
    const place = { account: hosted.account, region }
    super(app, `CorbadoGateway-${region}`, { env: place, description: `Corbado passkey gateway in ${region}` })
    const fixed = { tenantTable: NAMES.table, selfHosted: false, allowUnqualified: false }
    const environment = functionEnvironment(config.settings, region, fixed)
    const { actionsAlias, parameterPrefix, pseudonymKeyParameter } = environment.env
    if (config.tenantAliases.includes(actionsAlias)) {
      throw new ConfigInvalid(`/regions/${region}/tenantAliases: "${actionsAlias}" is the alias of actions`)
    }
    const tableKey = createKey(this, 'TableKey', 'corbado-gateway/table', 'Tenant configs of the Corbado gateway')
    const parameterKey = createKey(this, 'ParameterKey', 'corbado-gateway/parameters', 'Secrets of the Corbado gateway')
    if (config.table !== 'replica') {
      const { replicaKeyArns } = config.table
      createTenantTable(this, { key: tableKey, deletionProtection: config.deletionProtection ?? false, replicaKeyArns })
    }
    this.parameterKeyArn = parameterKey.keyArn
    this.tableKeyArn = tableKey.keyArn
    const rights = { place, parameterPrefix, tableKeyArn: tableKey.keyArn, parameterKeyArn: parameterKey.keyArn }

    const attached = this.#attachGatewayRights(rights, config)
    this.#createOperatorPolicy({ ...rights, actionsAlias })
    this.#createOnCallPolicy({ ...rights, pseudonymKeyParameter })
    const role = Role.fromRoleArn(this, 'Role', arnsIn(place).gatewayRole, { mutable: false })
    const { alarmTopicName, actionCallerRoleArn } = hosted
    const { function: functionConfig, network, tenantAliases, release } = config
    const gateway = createGateway(this, {
      ...{ place, bundle, role, environment, config: functionConfig },
      ...{ network, alarmTopicName, containers: config.containers, silenceMinutes: SILENCE_MINUTES },
    })
    gateway.node.addDependency(attached)
    const functionArn = arnsIn(place).function
    createAliases(gateway, { functionArn, tenantAliases, actionsAlias, actionCallerRoleArn, release })
    const outputs = {
      [OPERATOR_SETTINGS.gatewayFunctionArn.name]: functionArn,
      [SETTINGS.tenantTable.name]: NAMES.table,
      [OPERATOR_SETTINGS.parameterKeyId.name]: parameterKey.keyArn,
      [OPERATOR_SETTINGS.logGroups.name]: logGroupsOf(config).join(','),
      ...(pseudonymKeyParameter && { [OPERATOR_SETTINGS.pseudonymKeyParameter.name]: pseudonymKeyParameter }),
      TABLE_KEY_ARN: tableKey.keyArn,
      GATEWAY_VERSION_NUMBER: gateway.currentVersion.version,
    }
    for (const [name, value] of Object.entries(outputs))
      new CfnOutput(this, outputId(name), { value, description: name })
  }

  /** The role is made once for all regions; what it may do in this one comes and goes with this stack. */
  #attachGatewayRights(rights: RightsOptions, { network }: RegionConfig): Policy {
    const { place, parameterPrefix } = rights
    const arns = arnsIn(place)
    const policy = new Policy(this, 'GatewayRights', {
      policyName: `corbado-gateway-${place.region}`,
      roles: [Role.fromRoleName(this, 'GatewayRole', NAMES.gatewayRole)],
      statements: [...gatewayRights(rights), ...(network ? networkRights(rights) : [])],
    })
    acknowledge(policy, {
      [wildcardResource(arns.parametersBelow(parameterPrefix))]: "Each tenant's secrets are below the one prefix.",
      [wildcardResource(`${arns.logGroup}:log-stream:*`)]: 'Lambda names the streams of the one log group.',
      ...(network && { [wildcardResource('*')]: 'Lambda asks for these rights on every network interface.' }),
    })
    return policy
  }

  #createOnCallPolicy(rights: OnCallRightsOptions): void {
    const { place } = rights
    const policy = new ManagedPolicy(this, 'OnCallPolicy', {
      managedPolicyName: `${NAMES.onCallPolicy}-${place.region}`,
      description: `What an operator on call reads in ${place.region}`,
      statements: onCallRights(rights),
    })
    acknowledge(policy, {
      ...Object.fromEntries(
        arnsIn(place).lines.map((arn) => [wildcardResource(arn), "CloudWatch's form of a right on a whole log group."]),
      ),
      [wildcardResource('*')]: 'The results of a query are no resource.',
    })
  }

  #createOperatorPolicy(rights: OperatorRightsOptions): void {
    const { place, parameterPrefix } = rights
    const arns = arnsIn(place)
    const policy = new ManagedPolicy(this, 'OperatorPolicy', {
      managedPolicyName: `${NAMES.operatorPolicy}-${place.region}`,
      description: `What corbado-gateway does for an operator in ${place.region}`,
      statements: operatorRights(rights),
    })
    acknowledge(policy, {
      [wildcardResource(arns.tenantParametersBelow(parameterPrefix))]: "Each tenant's secrets are below its pool's id.",
      [wildcardResource(`${arns.function}:*`)]: 'Aliases of the one function come with new pools.',
    })
  }
}
