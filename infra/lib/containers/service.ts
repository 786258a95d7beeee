import { Duration } from 'aws-cdk-lib'
import { Repository } from 'aws-cdk-lib/aws-ecr'
import {
  AvailabilityZoneRebalancing,
  AwsLogDriverMode,
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import type { ApplicationTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { type IRole, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { ILogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { ContainerConfig } from '../config/container.js'
import { DOOR_PORT } from '../names.js'
import { type ContainerNetwork, PRIVATE } from './network.js'
import { probe } from './probe.js'

/**
 * Between SIGTERM and SIGKILL. The process drains for up to 10 s (src/server.ts); deregistration, which comes first,
 * takes up to 10 s more.
 */
export const STOP_TIMEOUT = Duration.seconds(30)
/** Half is left for the burst that comes before another task has started, which takes a minute. */
const CPU_PERCENT = 50

export interface ServiceOptions {
  readonly network: ContainerNetwork
  readonly targets: ApplicationTargetGroup
  readonly taskRole: IRole
  readonly log: ILogGroup
  readonly variables: Record<string, string>
  readonly config: ContainerConfig
}

/** The containers: the image of the Dockerfile, by its digest, on Fargate, as many as the load asks for. */
export function createService(scope: Construct, options: ServiceOptions): FargateService {
  const { network, targets, config } = options
  const { vpc, groups } = network
  const service = new FargateService(scope, 'Service', {
    cluster: new Cluster(scope, 'Cluster', { vpc, containerInsightsV2: ContainerInsights.ENABLED }),
    taskDefinition: createTask(scope, options),
    ...{ vpcSubnets: PRIVATE, securityGroups: [groups.tasks], assignPublicIp: false },
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    circuitBreaker: { rollback: true },
    availabilityZoneRebalancing: AvailabilityZoneRebalancing.ENABLED,
    healthCheckGracePeriod: Duration.seconds(30),
    // No operator opens a shell beside the customers' credentials.
    enableExecuteCommand: false,
  })
  service.attachToApplicationTargetGroup(targets)
  const { min, max, requestsPerMinute } = config.task
  const scaling = service.autoScaleTaskCount({ minCapacity: min, maxCapacity: max })
  const cooldown = { scaleOutCooldown: Duration.seconds(30), scaleInCooldown: Duration.minutes(5) }
  scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: CPU_PERCENT, ...cooldown })
  scaling.scaleOnRequestCount('Requests', { requestsPerTarget: requestsPerMinute, targetGroup: targets, ...cooldown })
  return service
}

function createTask(scope: Construct, { taskRole, log, variables, config }: ServiceOptions): FargateTaskDefinition {
  const { task, image } = config
  const executionRole = new Role(scope, 'ExecutionRole', {
    assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    description: 'Starts containers of the Corbado gateway',
  })
  acknowledge(executionRole, {
    [wildcardResource('*')]: 'ecr:GetAuthorizationToken knows no resource; pulling is allowed from one repository.',
    [wildcardResource(log.logGroupArn)]: 'ECS names the streams of the one log group.',
  })
  const definition = new FargateTaskDefinition(scope, 'Task', {
    ...{ cpu: task.cpu, memoryLimitMiB: task.memoryMb, taskRole, executionRole },
    runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
  })
  acknowledge(definition, { 'AwsSolutions-ECS2': 'Settings, none of them secret: secrets are read from SSM by name.' })
  const repository = Repository.fromRepositoryName(scope, 'Repository', image.repository)
  definition.addContainer('gateway', {
    image: ContainerImage.fromEcrRepository(repository, image.digest),
    portMappings: [{ containerPort: DOOR_PORT }],
    environment: variables,
    readonlyRootFilesystem: true,
    stopTimeout: STOP_TIMEOUT,
    // A full buffer loses lines, not logins.
    logging: LogDrivers.awsLogs({ logGroup: log, streamPrefix: 'gateway', mode: AwsLogDriverMode.NON_BLOCKING }),
    // Fargate does not read the image's HEALTHCHECK.
    healthCheck: {
      command: ['CMD', 'node', '-e', probe()],
      interval: Duration.seconds(15),
      timeout: Duration.seconds(3),
      retries: 3,
      startPeriod: Duration.seconds(10),
    },
  })
  return definition
}
