import { arnsIn, type Place } from '../names.js'

/** Names of what containers bring with them; the pools of container mode hold the forwarder's. */
export const CONTAINER_NAMES = {
  forwarder: 'corbado-cognito-gateway-forwarder',
  forwarderRole: 'corbado-gateway-forwarder',
  forwarderLog: '/aws/lambda/corbado-cognito-gateway-forwarder',
  taskLog: '/corbado/cognito-gateway/containers',
  operatorPolicy: 'corbado-gateway-operator-forwarder',
} as const

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
