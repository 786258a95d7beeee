import { GatewayVpcEndpointAwsService, InterfaceVpcEndpointAwsService } from 'aws-cdk-lib/aws-ec2'
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { arnsIn, customerRolesIn, type Place } from '../names.js'
import { type ContainerNetwork, PRIVATE } from './network.js'

/**
 * AWS without the NAT gateways: the table, the secrets, STS and the log. Each lets through what the gateway does there,
 * and principals of its account alone, so that credentials of another account cannot carry anything out.
 */
export function createEndpoints({ vpc, groups }: ContainerNetwork, place: Place): void {
  const through = (actions: string[], resources: string[]) =>
    new PolicyStatement({
      principals: [new AnyPrincipal()],
      actions,
      resources,
      conditions: { StringEquals: { 'aws:PrincipalAccount': place.account } },
    })
  const arns = arnsIn(place)
  vpc
    .addGatewayEndpoint('Table', { service: GatewayVpcEndpointAwsService.DYNAMODB, subnets: [PRIVATE] })
    .addToPolicy(through(['dynamodb:GetItem'], [arns.table]))

  const services = {
    Ssm: [InterfaceVpcEndpointAwsService.SSM, ['ssm:GetParameter'], [arns.parametersBelow('')]],
    Sts: [InterfaceVpcEndpointAwsService.STS, ['sts:AssumeRole'], [customerRolesIn(place.region)]],
    Logs: [InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS, ['logs:CreateLogStream', 'logs:PutLogEvents'], ['*']],
  } as const
  for (const [id, [service, actions, resources]] of Object.entries(services)) {
    vpc
      .addInterfaceEndpoint(id, { service, subnets: PRIVATE, securityGroups: [groups.endpoints], open: false })
      .addToPolicy(through([...actions], [...resources]))
  }
}
