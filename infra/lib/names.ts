import { RemovalPolicy } from 'aws-cdk-lib'
import { partitionOf } from '../../src/ids.js'

/**
 * Names that others keep: customers' roles trust the roles by name, pools hold the function's name, and the operator's
 * settings hold all of them. None may be changed once a customer is live.
 */
export const NAMES = {
  function: 'corbado-cognito-gateway',
  table: 'corbado-gateway-tenants',
  gatewayRole: 'corbado-gateway',
  doctorRole: 'corbado-gateway-doctor',
  operatorPolicy: 'corbado-gateway-operator',
  onCallPolicy: 'corbado-gateway-on-call',
  templates: 'corbado-gateway-templates',
  watchFunction: 'corbado-cognito-gateway-watch',
  watchRole: 'corbado-gateway-watch',
} as const

/** Every role of a customer that the hand-over asks for (src/operator/role/role.ts). */
export function customerRolesIn(region: string): string {
  return `arn:${partitionOf(region)}:iam::*:role/corbado/corbado-*`
}

/**
 * For what outlives its stack under a name of its own: kept, except by the roll-back of the deployment that was to make
 * it. Otherwise the second try would find the name taken.
 */
export const OUTLIVES = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE

export interface Place {
  readonly account: string
  readonly region: string
}

/** ARNs of what has a name of its own in this place. */
export function arnsIn({ account, region }: Place) {
  const partition = partitionOf(region)
  const arn = (service: string, rest: string) => `arn:${partition}:${service}:${region}:${account}:${rest}`
  const role = (name: string) => `arn:${partition}:iam::${account}:role/${name}`
  return {
    function: arn('lambda', `function:${NAMES.function}`),
    table: arn('dynamodb', `table/${NAMES.table}`),
    logGroup: arn('logs', `log-group:${LOG_GROUP}`),
    watchLog: arn('logs', `log-group:${WATCH_LOG_GROUP}`),
    gatewayRole: role(NAMES.gatewayRole),
    doctorRole: role(NAMES.doctorRole),
    topic: (name: string) => arn('sns', name),
    userPool: (id: string) => arn('cognito-idp', `userpool/${id}`),
    /** All parameters below a prefix that starts with `/`. */
    parametersBelow: (prefix: string) => arn('ssm', `parameter${prefix}/*`),
    /** One parameter, whose name may begin without `/`. */
    parameter: (name: string) => arn('ssm', `parameter/${name.replace(/^\//, '')}`),
    /** The gateway's log groups, those of forwarder and containers too, as policies name them. */
    lines: logGroupsOf({ containers: true }).map((name) => arn('logs', `log-group:${name}:*`)),
    /** Tenants': below a pool's id, which has an underscore. The gateway's own lie directly below the prefix. */
    tenantParametersBelow: (prefix: string) => arn('ssm', `parameter${prefix}/*_*/*`),
    accountRoot: `arn:${partition}:iam::${account}:root`,
  }
}

/** Where a function's lines go by Lambda's own custom. */
export const LOG_GROUP = `/aws/lambda/${NAMES.function}`

/** Where the function that watches says what it did: not among the lines that it reads. */
export const WATCH_LOG_GROUP = `/aws/lambda/${NAMES.watchFunction}`

/** Names of what containers bring with them; the pools of container mode hold the forwarder's. */
export const CONTAINER_NAMES = {
  forwarder: 'corbado-cognito-gateway-forwarder',
  forwarderRole: 'corbado-gateway-forwarder',
  forwarderLog: '/aws/lambda/corbado-cognito-gateway-forwarder',
  taskLog: '/corbado/cognito-gateway/containers',
  operatorPolicy: 'corbado-gateway-operator-forwarder',
} as const

/** The log groups with the gateway's lines. */
export function logGroupsOf({ containers }: { readonly containers?: unknown }): readonly string[] {
  return containers ? [LOG_GROUP, CONTAINER_NAMES.taskLog, CONTAINER_NAMES.forwarderLog] : [LOG_GROUP]
}

/** The port of the container door (EXPOSE of the Dockerfile). */
export const DOOR_PORT = 3000

/** ARNs of container mode in this place. */
export function containerArnsIn(place: Place) {
  const { function: gateway } = arnsIn(place)
  const [partition, region, account] = [gateway.split(':')[1], place.region, place.account]
  const arn = (service: string, rest: string) => `arn:${partition}:${service}:${region}:${account}:${rest}`
  return {
    forwarder: arn('lambda', `function:${CONTAINER_NAMES.forwarder}`),
    taskLog: arn('logs', `log-group:${CONTAINER_NAMES.taskLog}`),
    forwarderLog: arn('logs', `log-group:${CONTAINER_NAMES.forwarderLog}`),
    parameter: (name: string) => arn('ssm', `parameter${name}`),
  }
}
