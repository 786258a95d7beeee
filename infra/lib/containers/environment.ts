import { parseEnv, SETTINGS } from '../../../src/env.js'
import type { ContainerConfig } from '../config/container.js'
import { assertOwnParameter, type Environment } from '../gateway/environment.js'
import { containerArnsIn, DOOR_PORT, type Place } from '../names.js'

/**
 * The containers' environment: that of the region's function, and what only a container has.
 * @throws ConfigInvalid if the containers could not read the parameter
 */
export function containerEnvironment(
  { variables, env }: Environment,
  place: Place,
  { callerSecretsParameter }: ContainerConfig,
): Environment {
  assertOwnParameter('callerSecretsParameter', callerSecretsParameter, env.parameterPrefix)
  const own = {
    ...variables,
    [SETTINGS.port.name]: String(DOOR_PORT),
    [SETTINGS.callerSecretsParameter.name]: callerSecretsParameter,
    // Cognito invokes the forwarder, so that is the function whose aliases count.
    [SETTINGS.gatewayFunctionArn.name]: containerArnsIn(place).forwarder,
    // Lambda sets it by itself, Fargate does not.
    [SETTINGS.awsRegion.name]: place.region,
  }
  return { variables: own, env: parseEnv(own) }
}
