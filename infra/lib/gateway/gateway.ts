import type { IRole } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import type { ContainerConfig } from '../config/container.js'
import type { GatewayFunctionConfig, Network } from '../config/parts.js'
import { arnsIn, type Place } from '../names.js'
import { createAlarms } from '../watch/alarms.js'
import { createDashboard } from '../watch/dashboard.js'
import { createGatewayLog } from '../watch/log.js'
import type { Environment } from './environment.js'
import { createGatewayFunction } from './function.js'

export interface GatewayOptions {
  readonly place: Place
  readonly bundle: string
  readonly role: IRole
  readonly environment: Environment
  readonly config: GatewayFunctionConfig
  readonly network: Network | undefined
  readonly alarmTopicName: string | undefined
  readonly containers?: ContainerConfig | undefined
  /** How long nothing is invoked before somebody is told, if the config does not say; 0: never. */
  readonly silenceMinutes: number
}

/** The function with its log, alarms and dashboard: the same for every customer's pool and for one alone. */
export function createGateway(scope: Construct, options: GatewayOptions): LambdaFunction {
  const { place, bundle, role, environment, config, network, alarmTopicName, containers } = options
  const log = createGatewayLog(scope, { retentionDays: config.logRetentionDays, containers })
  const { variables, env } = environment
  const gateway = createGatewayFunction(scope, { bundle, role, log, variables, config, network })
  const limits = { deadlineMs: env.triggerDeadlineMs, reservedConcurrency: config.reservedConcurrency }
  const topicArn = alarmTopicName === undefined ? undefined : arnsIn(place).topic(alarmTopicName)
  const silenceMinutes = config.silenceMinutes ?? options.silenceMinutes
  createAlarms(scope, gateway, { ...limits, topicArn, silenceMinutes, hasForwarder: containers !== undefined })
  createDashboard(scope, gateway, { ...limits, region: place.region })
  return gateway
}
