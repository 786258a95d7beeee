import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import {
  ApplicationLoadBalancer,
  ApplicationProtocol,
  ApplicationTargetGroup,
  DesyncMitigationMode,
  ListenerAction,
  ListenerCondition,
  SslPolicy,
  TargetGroupLoadBalancingAlgorithmType,
  TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import { ARecord, PrivateHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53'
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets'
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.js'
import type { ContainerConfig } from '../config/container.js'
import { DOOR_PORT } from '../names.js'
import { type ContainerNetwork, PRIVATE } from './network.js'

/** Twice what a request may take (4.6 s): one that was sent before its target left is always answered. */
export const DEREGISTRATION = Duration.seconds(10)
/** As long as the container's own lines say who was answered what. */
const ACCESS_LOG_DAYS = 30

export interface Balancer {
  readonly balancer: ApplicationLoadBalancer
  readonly targets: ApplicationTargetGroup
}

/**
 * The internal load balancer: TLS with the certificate's name, known in this VPC alone, and no route but the one of
 * trigger events. From here to the containers it is HTTP, between two security groups in private subnets.
 */
export function createBalancer(scope: Construct, { vpc, groups }: ContainerNetwork, config: ContainerConfig): Balancer {
  const balancer = new ApplicationLoadBalancer(scope, 'Balancer', {
    ...{ vpc, vpcSubnets: PRIVATE, internetFacing: false, securityGroup: groups.balancer },
    deletionProtection: config.deletionProtection ?? false,
    dropInvalidHeaderFields: true,
    desyncMitigationMode: DesyncMitigationMode.STRICTEST,
    // The forwarder gives a connection up after 20 s of silence, before this end does.
    idleTimeout: Duration.seconds(60),
  })
  balancer.logAccessLogs(createAccessLog(scope))
  const targets = new ApplicationTargetGroup(scope, 'Targets', {
    ...{ vpc, port: DOOR_PORT, protocol: ApplicationProtocol.HTTP, targetType: TargetType.IP },
    deregistrationDelay: DEREGISTRATION,
    loadBalancingAlgorithmType: TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
    healthCheck: {
      // Alive, not ready: ECS replaces what this finds unhealthy, and its memory is to outlive an outage of the table.
      path: '/health/live',
      healthyHttpCodes: '200',
      interval: Duration.seconds(10),
      timeout: Duration.seconds(5),
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 3,
    },
  })
  const listener = balancer.addListener('Https', {
    ...{ port: 443, protocol: ApplicationProtocol.HTTPS, sslPolicy: SslPolicy.RECOMMENDED_TLS, open: false },
    certificates: [Certificate.fromCertificateArn(scope, 'Certificate', config.certificateArn)],
    defaultAction: ListenerAction.fixedResponse(404),
  })
  listener.addAction('Triggers', {
    priority: 1,
    conditions: [
      ListenerCondition.httpRequestMethods(['POST']),
      ListenerCondition.pathPatterns(['/v1/pools/*/triggers/*']),
    ],
    action: ListenerAction.forward([targets]),
  })
  const zone = new PrivateHostedZone(scope, 'Zone', { vpc, zoneName: config.domainName })
  new ARecord(scope, 'Name', { zone, target: RecordTarget.fromAlias(new LoadBalancerTarget(balancer)) })
  return { balancer, targets }
}

function createAccessLog(scope: Construct): Bucket {
  const bucket = new Bucket(scope, 'AccessLog', {
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    lifecycleRules: [{ expiration: Duration.days(ACCESS_LOG_DAYS) }],
    // Kept by a roll-back too: the load balancer writes to it at once, and it has no name that would be in the way.
    removalPolicy: RemovalPolicy.RETAIN,
  })
  acknowledge(bucket, { 'AwsSolutions-S1': 'It is itself an access log, of paths that name no person.' })
  return bucket
}
