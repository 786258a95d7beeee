import { type App, CfnOutput, Stack } from 'aws-cdk-lib'
import { AlarmBehavior } from 'aws-cdk-lib/aws-ecs'
import { ManagedPolicy, Role } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { SETTINGS } from '../../../src/env.js'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { HostedConfig, RegionConfig } from '../config/config.js'
import type { ContainerConfig } from '../config/container.js'
import { ConfigInvalid } from '../config/read.js'
import { createContainerAlarms } from '../containers/alarms.js'
import { createBalancer } from '../containers/balancer.js'
import { createEndpoints } from '../containers/endpoints.js'
import { containerEnvironment } from '../containers/environment.js'
import { createForwarder } from '../containers/forwarder.js'
import { createContainerNetwork } from '../containers/network.js'
import { forwarderOperatorRights } from '../containers/rights.js'
import { createService } from '../containers/service.js'
import { functionEnvironment } from '../gateway/environment.js'
import { arnsIn, CONTAINER_NAMES, containerArnsIn, NAMES } from '../names.js'
import type { GatewayStack } from './gateway.js'
import { outputId } from './global.js'

export interface ContainerStackOptions {
  readonly hosted: HostedConfig
  readonly region: string
  readonly config: RegionConfig
  readonly containers: ContainerConfig
  /** The region's table, keys and rights: containers work with the same. */
  readonly gateway: GatewayStack
  /** Folder with the forwarder's built code. */
  readonly bundle: string
}

/**
 * Container mode of one region: pools whose triggers point at the forwarder are served by containers, with the same table,
 * secrets and role as the function's. Actions go on through the function's own alias.
 */
export class ContainerStack extends Stack {
  constructor(app: App, { hosted, region, config, containers, gateway, bundle }: ContainerStackOptions) {
    const place = { account: hosted.account, region }
    super(app, `CorbadoGatewayContainers-${region}`, {
      env: place,
      description: `Containers of the Corbado passkey gateway in ${region}`,
    })
    const fixed = { tenantTable: NAMES.table, selfHosted: false, allowUnqualified: false }
    const ofFunction = functionEnvironment(config.settings, region, fixed)
    const { variables, env } = containerEnvironment(ofFunction, place, containers)
    assertBelongs(containers, region, env.actionsAlias)

    const network = createContainerNetwork(this, containers)
    createEndpoints(network, place)
    const { balancer, targets } = createBalancer(this, network, containers)
    const log = LogGroup.fromLogGroupArn(this, 'Log', containerArnsIn(place).taskLog)
    // Customers' roles trust this role by its name, wherever it works.
    const taskRole = Role.fromRoleArn(this, 'TaskRole', arnsIn(place).gatewayRole, { mutable: false })
    const service = createService(this, { network, targets, taskRole, log, variables, config: containers })
    const { parameterKeyArn } = gateway
    const forwarder = createForwarder(this, { place, bundle, network, parameterKeyArn, env, config: containers })
    const topicArn = hosted.alarmTopicName === undefined ? undefined : arnsIn(place).topic(hosted.alarmTopicName)
    const leastTasks = containers.task.min
    const deadlineMs = env.triggerDeadlineMs
    const alarms = { forwarder, service, balancer, targets, deadlineMs, leastTasks, topicArn }
    const { faults } = createContainerAlarms(this, alarms)
    service.enableDeploymentAlarms([faults.alarmName], { behavior: AlarmBehavior.ROLLBACK_ON_ALARM })
    this.#createOperatorPolicy(place)
    const outputs = {
      // Of operators' commands on pools of container mode.
      GATEWAY_FUNCTION_ARN: containerArnsIn(place).forwarder,
      [SETTINGS.callerSecretsParameter.name]: containers.callerSecretsParameter,
    }
    for (const [name, value] of Object.entries(outputs))
      new CfnOutput(this, outputId(name), { value, description: name })
  }

  #createOperatorPolicy(place: { readonly account: string; readonly region: string }): void {
    const policy = new ManagedPolicy(this, 'OperatorPolicy', {
      managedPolicyName: `${CONTAINER_NAMES.operatorPolicy}-${place.region}`,
      description: `What corbado-gateway aliases does for an operator in ${place.region}, where pools use containers`,
      statements: forwarderOperatorRights(place),
    })
    acknowledge(policy, {
      [wildcardResource(`${containerArnsIn(place).forwarder}:*`)]: 'Aliases of the one function come with new pools.',
    })
  }
}

/** What would otherwise fail half-way through a deployment. */
function assertBelongs(config: ContainerConfig, region: string, actionsAlias: string): void {
  const { availabilityZones, certificateArn, tenantAliases, task } = config
  const path = `/regions/${region}/containers`
  const elsewhere = availabilityZones.find((zone) => zone.slice(0, -1) !== region)
  if (elsewhere !== undefined) throw new ConfigInvalid(`${path}/availabilityZones: ${elsewhere} is not in ${region}`)
  if (certificateArn.split(':')[3] !== region) throw new ConfigInvalid(`${path}/certificateArn must be of ${region}`)
  if (task.max < task.min) throw new ConfigInvalid(`${path}/task/max must be at least /task/min`)
  if (tenantAliases.includes(actionsAlias)) {
    throw new ConfigInvalid(`${path}/tenantAliases: "${actionsAlias}" is the alias of actions`)
  }
}
