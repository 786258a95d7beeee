import { CfnOutput } from 'aws-cdk-lib'
import {
  CfnEIP,
  FlowLogDestination,
  FlowLogTrafficType,
  IpAddresses,
  NatProvider,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { ContainerConfig } from '../config/container.js'
import { DOOR_PORT, OUTLIVES } from '../names.js'

export const PRIVATE = { subnetType: SubnetType.PRIVATE_WITH_EGRESS }
const HTTPS = Port.tcp(443)

export interface ContainerNetwork {
  readonly vpc: Vpc
  readonly groups: Groups
}

/**
 * A VPC of the gateway's own: everything runs in private subnets, and what goes out leaves by one fixed address a zone.
 * Those addresses are on Corbado's list and have its raised limit, so they outlive the stack.
 */
export function createContainerNetwork(scope: Construct, config: ContainerConfig): ContainerNetwork {
  const { availabilityZones, vpcCidr } = config
  const addresses = availabilityZones.map((zone, index) => {
    const address = new CfnEIP(scope, `EgressAddress${index}`, { domain: 'vpc' })
    address.applyRemovalPolicy(OUTLIVES)
    new CfnOutput(scope, `EgressAddressOutput${index}`, { value: address.ref, description: `leaves ${zone}` })
    return address
  })
  const vpc = new Vpc(scope, 'Vpc', {
    ipAddresses: IpAddresses.cidr(vpcCidr),
    availabilityZones,
    // One a zone: the loss of a zone must not take the other zones' way to Corbado with it.
    natGateways: availabilityZones.length,
    natGatewayProvider: NatProvider.gateway({ eipAllocationIds: addresses.map((one) => one.attrAllocationId) }),
    subnetConfiguration: [
      { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 27, mapPublicIpOnLaunch: false },
      { name: 'private', ...PRIVATE },
    ],
    // Closing the default group takes a function of its own; nothing here is ever in it.
    restrictDefaultSecurityGroup: false,
  })
  const log = new LogGroup(scope, 'FlowLog', { retention: RetentionDays.ONE_MONTH })
  vpc.addFlowLog('Refused', {
    destination: FlowLogDestination.toCloudWatchLogs(log),
    trafficType: FlowLogTrafficType.REJECT,
  })
  return { vpc, groups: createGroups(scope, vpc) }
}

type Groups = ReturnType<typeof createGroups>

/** Forwarder → load balancer → tasks → endpoints and the internet, and nothing else in any direction. */
function createGroups(scope: Construct, vpc: Vpc) {
  const group = (id: string, description: string) =>
    new SecurityGroup(scope, id, { vpc, description, allowAllOutbound: false })
  const forwarder = group('ForwarderGroup', 'Forwarder of the Corbado gateway')
  const balancer = group('BalancerGroup', 'Load balancer of the Corbado gateway')
  const tasks = group('TaskGroup', 'Containers of the Corbado gateway')
  const endpoints = group('EndpointGroup', 'AWS endpoints of the Corbado gateway')
  const join = (from: SecurityGroup, to: SecurityGroup, port: Port, what: string) => {
    from.addEgressRule(to, port, what)
    to.addIngressRule(from, port, what)
  }
  join(forwarder, balancer, HTTPS, 'signed events')
  join(balancer, tasks, Port.tcp(DOOR_PORT), 'signed events and health checks')
  join(forwarder, endpoints, HTTPS, 'the secret to sign with')
  join(tasks, endpoints, HTTPS, 'AWS')
  tasks.addEgressRule(Peer.anyIpv4(), HTTPS, 'Backend API of Corbado, Cognito, DynamoDB, ECR')
  return { forwarder, balancer, tasks, endpoints }
}
