import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { type Env, GATEWAY_VERSION, SETTINGS } from '../../../src/env.js'
import { GATEWAY_URL } from '../../forwarder/settings.js'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { ContainerConfig } from '../config/container.js'
import { ConfigInvalid } from '../config/read.js'
import { createAliases } from '../gateway/aliases.js'
import { CONTAINER_NAMES, containerArnsIn, type Place } from '../names.js'
import { type ContainerNetwork, PRIVATE } from './network.js'
import { forwarderRights } from './rights.js'

export interface ForwarderOptions {
  readonly place: Place
  /** Folder with the built `index.mjs`. */
  readonly bundle: string
  readonly network: ContainerNetwork
  readonly parameterKeyArn: string
  /** As the containers read it. */
  readonly env: Pick<Env, 'actionsAlias' | 'secretTtlSeconds'>
  readonly config: ContainerConfig
}

/**
 * The function that Cognito calls: in the containers' VPC, with a role that reads one secret. Its aliases are granted
 * as the gateway's are, by `corbado-gateway aliases`; no caller uses the one of actions, which tells that command the
 * version.
 * @throws ConfigInvalid if the bundle has not been built
 */
export function createForwarder(scope: Construct, options: ForwarderOptions): LambdaFunction {
  const { place, bundle, network, config, env } = options
  if (!existsSync(join(bundle, 'index.mjs'))) {
    throw new ConfigInvalid(`${join(bundle, 'index.mjs')} is not there: run npm run build in infra/`)
  }
  const forwarder = new LambdaFunction(scope, 'Forwarder', {
    functionName: CONTAINER_NAMES.forwarder,
    description: `Forwards Cognito's triggers to the containers of the Corbado gateway ${GATEWAY_VERSION}`,
    ...{ runtime: Runtime.NODEJS_24_X, architecture: Architecture.ARM_64 },
    ...{ code: Code.fromAsset(bundle, { exclude: ['*.map'] }), handler: 'index.handler' },
    role: createRole(scope, options).withoutPolicyUpdates(),
    // Cognito waits no longer (fact A1).
    timeout: Duration.seconds(5),
    memorySize: config.forwarder.memoryMb,
    reservedConcurrentExecutions: config.forwarder.reservedConcurrency,
    environment: {
      [GATEWAY_URL]: `https://${config.domainName}`,
      [SETTINGS.callerSecretsParameter.name]: config.callerSecretsParameter,
      [SETTINGS.secretTtlSeconds.name]: String(env.secretTtlSeconds),
    },
    ...{ vpc: network.vpc, vpcSubnets: PRIVATE, securityGroups: [network.groups.forwarder] },
    logGroup: LogGroup.fromLogGroupName(scope, 'ForwarderLog', CONTAINER_NAMES.forwarderLog),
    // Its lines are JSON already, as the gateway's are.
    loggingFormat: LoggingFormat.TEXT,
    currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN, description: GATEWAY_VERSION },
  })
  createAliases(forwarder, {
    functionArn: containerArnsIn(place).forwarder,
    ...{ tenantAliases: config.tenantAliases, actionsAlias: env.actionsAlias },
    ...{ actionCallerRoleArn: undefined, release: undefined },
  })
  return forwarder
}

function createRole(scope: Construct, { place, parameterKeyArn, config }: ForwarderOptions): Role {
  const { callerSecretsParameter } = config
  const role = new Role(scope, 'ForwarderRole', {
    roleName: `${CONTAINER_NAMES.forwarderRole}-${place.region}`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: 'Forwarder of the Corbado passkey gateway',
    inlinePolicies: {
      forwarder: new PolicyDocument({
        statements: forwarderRights({ place, callerSecretsParameter, parameterKeyArn }),
      }),
    },
  })
  acknowledge(role, {
    [wildcardResource(`${containerArnsIn(place).forwarderLog}:log-stream:*`)]:
      'Lambda names the streams of the one log group.',
    [wildcardResource('*')]: 'Lambda asks for these rights on every network interface; the code is denied them.',
  })
  return role
}
