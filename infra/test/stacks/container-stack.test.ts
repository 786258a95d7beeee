import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Match, type Template } from 'aws-cdk-lib/assertions'
import { parseEnv } from '../../../src/env.js'
import { REGION } from '../../../src/local/accounts.js'
import { parseSettings } from '../../forwarder/settings.js'
import { probe } from '../../lib/containers/probe.js'
import { lineMetricsOf } from '../../lib/watch/line-metrics.js'
import { containersWith, synthContainers } from '../fixtures/containers.js'
import { tablesIn } from '../fixtures/pages.js'
import { type Json, stackOf } from '../fixtures/synth.js'

const templates = synthContainers(containersWith())
const stack = stackOf(templates, `CorbadoGatewayContainers-${REGION}`)
const gateway = stackOf(templates, `CorbadoGateway-${REGION}`)

const LOGS = {
  tasks: '/corbado/cognito-gateway/containers',
  forwarder: '/aws/lambda/corbado-cognito-gateway-forwarder',
}

/** As CloudFormation would read them. */
type Properties = ReturnType<Template['findResources']>[string]

/** Properties of the only resource of a type, or of the first whose id begins so. */
function the(type: string, beginning = ''): Properties {
  const found = Object.entries(stack.findResources(type)).filter(([id]) => id.startsWith(beginning))
  assert.equal(found.length, 1, `${type} ${beginning}: ${found.map(([id]) => id)}`)
  return found[0]?.[1].Properties ?? {}
}
const container = (): Properties => the('AWS::ECS::TaskDefinition').ContainerDefinitions[0]
const variablesOf = (pairs: { Name: string; Value: string }[]) =>
  Object.fromEntries(pairs.map(({ Name, Value }) => [Name, Value]))

test('the image is the one that was tested, by its digest, on arm64, with nothing to write to and no way in', () => {
  const { Image, ReadonlyRootFilesystem, PortMappings, Privileged } = container()
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
  assert.match(JSON.stringify(Image), new RegExp(`\\.dkr\\.ecr\\.eu-central-1\\..*/corbado/cognito-gateway@${digest}`))
  assert.deepEqual([ReadonlyRootFilesystem, Privileged ?? false], [true, false])
  assert.equal((PortMappings as Json[])[0]?.ContainerPort, 3000)
  stack.hasResourceProperties('AWS::ECS::TaskDefinition', {
    RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    RequiresCompatibilities: ['FARGATE'],
    NetworkMode: 'awsvpc',
  })
  stack.hasResourceProperties('AWS::ECS::Service', {
    LaunchType: 'FARGATE',
    EnableExecuteCommand: false,
    NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
    DeploymentConfiguration: {
      MinimumHealthyPercent: 100,
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    },
  })
})

test('the service starts with what the stack gives it, the same settings as the function has', () => {
  const variables = variablesOf(container().Environment)
  const env = parseEnv(variables)
  assert.deepEqual([env.port, env.callerSecretsParameter, env.selfHosted], [3000, '/corbado/gateway/callers', false])
  assert.equal(env.allowUnqualified, false, 'the alias rules hold behind the forwarder')
  const [lambda] = Object.values(gateway.findResources('AWS::Lambda::Function'))
  const { PORT: _port, CALLER_SECRETS_PARAMETER: _callers, AWS_REGION: _region, ...rest } = variables
  const { GATEWAY_FUNCTION_ARN: invoked, ...shared } = rest
  assert.match(String(invoked), /:function:corbado-cognito-gateway-forwarder$/)
  const { NODE_OPTIONS: _node, ...more } = lambda?.Properties.Environment.Variables ?? {}
  const { UV_THREADPOOL_SIZE: threads, RES_OPTIONS: resolver, ...settings } = more
  assert.deepEqual(shared, settings)
  const image = readFileSync('../Dockerfile', 'utf8')
  for (const line of [`ENV UV_THREADPOOL_SIZE=${threads}`, `ENV RES_OPTIONS=${resolver}`])
    assert.ok(image.split('\n').includes(line), `the image has it by itself: ${line}`)
})

test('a container that leaves has answered what it was sent: deregistration and drain fit into the stop timeout', () => {
  const attributes = the('AWS::ElasticLoadBalancingV2::TargetGroup').TargetGroupAttributes as {
    Key: string
    Value: string
  }[]
  const delay = Number(attributes.find(({ Key }) => Key === 'deregistration_delay.timeout_seconds')?.Value)
  const stopTimeout = Number(container().StopTimeout)
  const drain = Number(/DRAIN_MS = (\d+)_000/.exec(readFileSync('../src/server.ts', 'utf8'))?.[1])
  assert.equal(drain, 10)
  assert.ok(delay > 5, 'Cognito waits 5 s')
  assert.ok(delay < stopTimeout && delay + drain < stopTimeout, `${delay} + ${drain} < ${stopTimeout}`)
  assert.ok(stopTimeout <= 120, "Fargate's most")
})

test('no outage of the table has a container replaced that serves from its memory', () => {
  stack.hasResourceProperties('AWS::ElasticLoadBalancingV2::TargetGroup', {
    HealthCheckPath: '/health/live',
    Matcher: { HttpCode: '200' },
    TargetType: 'ip',
    Port: 3000,
  })
  const { Command } = container().HealthCheck as { Command: string[] }
  assert.deepEqual(Command.slice(0, 3), ['CMD', 'node', '-e'])
  assert.equal(Command[3], probe(1, 'http://127.0.0.1:3000'))
  assert.match(readFileSync('../Dockerfile', 'utf8'), /EXPOSE 3000\n/)
})

test('a container that has just started must be ready, an older one alive', async () => {
  const paths: string[] = []
  let status = 200
  const server = createServer(({ url = '' }, response) => {
    paths.push(url)
    response.writeHead(status).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const run = async (pid: number) => {
    const [code] = await once(spawn(process.execPath, ['-e', probe(pid, origin)]), 'exit')
    return [code, paths.at(-1)]
  }
  try {
    const unknown = 2 ** 30
    assert.deepEqual(await run(process.pid), [0, '/health/ready'])
    assert.deepEqual(await run(oldest()), [0, '/health/live'])
    assert.deepEqual(await run(unknown), [0, '/health/live'], 'where the age cannot be told')
    status = 503
    assert.deepEqual([(await run(process.pid))[0], (await run(unknown))[0]], [1, 1])
  } finally {
    server.close()
  }
  assert.deepEqual((await run(process.pid))[0], 1, 'nobody answers')
  const { Interval, Retries, StartPeriod } = container().HealthCheck
  assert.ok(StartPeriod + (Retries + 1) * Interval < 120, 'one that never gets ready is given up while it is young')
})

/** A process of this machine that has run for more than two minutes. */
function oldest(): number {
  return Math.min(
    ...readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
  )
}

test('a deployment is rolled back if its containers do not come up, and if they answer with faults', () => {
  const { DeploymentConfiguration } = the('AWS::ECS::Service')
  assert.deepEqual(DeploymentConfiguration.DeploymentCircuitBreaker, { Enable: true, Rollback: true })
  const { Alarms } = DeploymentConfiguration
  assert.deepEqual([Alarms.Enable, Alarms.Rollback, Alarms.AlarmNames.length], [true, true, 1])
  const alarm = stack.findResources('AWS::CloudWatch::Alarm')[Alarms.AlarmNames[0].Ref]?.Properties
  assert.equal(alarm?.MetricName, 'HTTPCode_Target_5XX_Count')
})

test('the load balancer is inside, speaks TLS alone, and has no route but that of trigger events', () => {
  const { Scheme, LoadBalancerAttributes } = the('AWS::ElasticLoadBalancingV2::LoadBalancer')
  const attributes = Object.fromEntries((LoadBalancerAttributes as Json[]).map(({ Key, Value }) => [Key, Value]))
  assert.equal(Scheme, 'internal')
  assert.equal(attributes['deletion_protection.enabled'], 'false', 'the first deployment can be rolled back')
  const protectedToo = synthContainers(containersWith({ deletionProtection: true }))
  stackOf(protectedToo, `CorbadoGatewayContainers-${REGION}`).hasResourceProperties(
    'AWS::ElasticLoadBalancingV2::LoadBalancer',
    { LoadBalancerAttributes: Match.arrayWith([{ Key: 'deletion_protection.enabled', Value: 'true' }]) },
  )
  assert.equal(attributes['routing.http.drop_invalid_header_fields.enabled'], 'true')
  assert.equal(attributes['routing.http.desync_mitigation_mode'], 'strictest')
  assert.equal(attributes['access_logs.s3.enabled'], 'true')
  stack.resourceCountIs('AWS::ElasticLoadBalancingV2::Listener', 1)
  stack.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
    Port: 443,
    Protocol: 'HTTPS',
    SslPolicy: Match.stringLikeRegexp('TLS13'),
    DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
  })
  stack.resourceCountIs('AWS::ElasticLoadBalancingV2::ListenerRule', 1)
  stack.hasResourceProperties('AWS::ElasticLoadBalancingV2::ListenerRule', {
    Conditions: [
      { Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['POST'] } },
      { Field: 'path-pattern', PathPatternConfig: { Values: ['/v1/pools/*/triggers/*'] } },
    ],
  })
})

test('each part can be reached by the one before it and by nothing else', () => {
  const groups = stack.findResources('AWS::EC2::SecurityGroup')
  const nameOf = (reference: { 'Fn::GetAtt': [string] }) => reference['Fn::GetAtt'][0].replace(/Group[\dA-F]{8}$/, '')
  const rules = Object.values(stack.findResources('AWS::EC2::SecurityGroupIngress')).map(({ Properties: rule }) => {
    return `${nameOf(rule.SourceSecurityGroupId)} → ${nameOf(rule.GroupId)} ${rule.FromPort}-${rule.ToPort}`
  })
  assert.deepEqual(rules.sort(), [
    'Balancer → Task 3000-3000',
    'Forwarder → Balancer 443-443',
    'Forwarder → Endpoint 443-443',
    'Task → Endpoint 443-443',
  ])
  for (const [id, { Properties }] of Object.entries(groups)) {
    assert.equal(Properties.SecurityGroupIngress, undefined, `${id}: no address range is let in`)
    const out = (Properties.SecurityGroupEgress ?? []).filter(({ CidrIp }: Json) => CidrIp !== '255.255.255.255/32')
    const expected = id.startsWith('Task') ? [['0.0.0.0/0', 443, 443]] : []
    assert.deepEqual(
      out.map(({ CidrIp, FromPort, ToPort }: Json) => [CidrIp, FromPort, ToPort]),
      expected,
      id,
    )
  }
})

test('what leaves comes from one address a zone, which outlives the stack', () => {
  const addresses = Object.entries(stack.findResources('AWS::EC2::EIP'))
  assert.equal(addresses.length, 2)
  // Except if the stack never came about: five are all that an account has.
  for (const [, { DeletionPolicy }] of addresses) assert.equal(DeletionPolicy, 'RetainExceptOnCreate')
  const gateways = Object.values(stack.findResources('AWS::EC2::NatGateway'))
  assert.deepEqual(
    gateways.map(({ Properties }) => Properties.AllocationId['Fn::GetAtt'][0]).sort(),
    addresses.map(([id]) => id).sort(),
  )
  const outputs = Object.values(stack.findOutputs('*')).map(({ Description }) => Description)
  assert.deepEqual(outputs.filter((text) => /^leaves /.test(text)).sort(), [
    'leaves eu-central-1a',
    'leaves eu-central-1b',
  ])
  for (const { Properties } of Object.values(stack.findResources('AWS::EC2::Subnet'))) {
    assert.notEqual(Properties.MapPublicIpOnLaunch, true)
  }
})

test('the forwarder is what Cognito calls: five seconds, aliases, one setting for the address and one for the secret', () => {
  const properties = the('AWS::Lambda::Function')
  const { Environment, Runtime, Architectures, Timeout, Handler, LoggingConfig, ReservedConcurrentExecutions } =
    properties
  const { Variables } = Environment as { Variables: Record<string, string> }
  assert.deepEqual(Variables, {
    GATEWAY_URL: 'https://gateway.containers.example.com',
    CALLER_SECRETS_PARAMETER: '/corbado/gateway/callers',
    SECRET_TTL_SECONDS: '300',
  })
  assert.equal(
    parseSettings({ ...Variables, AWS_REGION: REGION }).gatewayUrl.hostname,
    the('AWS::Route53::HostedZone').Name.replace(/\.$/, ''),
  )
  assert.deepEqual([Runtime, Architectures, Timeout, Handler], ['nodejs24.x', ['arm64'], 5, 'index.handler'])
  assert.equal((LoggingConfig as Json).LogFormat, 'Text')
  assert.equal(ReservedConcurrentExecutions, 500)
  assert.equal((properties.VpcConfig as { SubnetIds: unknown[] }).SubnetIds.length, 2)
  const aliases = Object.values(stack.findResources('AWS::Lambda::Alias')).map(({ Properties }) => Properties.Name)
  assert.deepEqual(aliases.sort(), ['actions', 't-1', 't-globex'])
})

test('there are as many containers as the load asks for, at least two', () => {
  stack.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', { MinCapacity: 2, MaxCapacity: 20 })
  const metrics = Object.values(stack.findResources('AWS::ApplicationAutoScaling::ScalingPolicy')).map(
    ({ Properties }) => {
      const { PredefinedMetricSpecification, TargetValue } = Properties.TargetTrackingScalingPolicyConfiguration
      return [PredefinedMetricSpecification.PredefinedMetricType, TargetValue]
    },
  )
  assert.deepEqual(metrics.sort(), [
    ['ALBRequestCountPerTarget', 12_000],
    ['ECSServiceAverageCPUUtilization', 50],
  ])
})

test('ON-CALL.md names every alarm of containers, and no other', () => {
  const [rows = []] = tablesIn(readFileSync('ON-CALL.md', 'utf8'), ['alarm of containers', 'rings at', 'look at'])
  const names = Object.values(stack.findResources('AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties.AlarmName,
  )
  assert.deepEqual(
    rows.map(([alarm = '']) => alarm.replace(/^`(.*)`$/, 'corbado-cognito-gateway-$1')).sort(),
    names.sort(),
  )
})

test('every alarm rings, and lines are kept, indexed and counted as those of the function', () => {
  const alarms = Object.entries(stack.findResources('AWS::CloudWatch::Alarm'))
  assert.equal(alarms.length, 7)
  for (const [id, { Properties }] of alarms) assert.equal(Properties.AlarmActions?.length, 1, id)
  const names = ['/aws/lambda/corbado-cognito-gateway', ...Object.values(LOGS)]
  const logs = gateway.findResources('AWS::Logs::LogGroup')
  assert.deepEqual(
    Object.values(logs)
      .map(({ Properties }) => Properties.LogGroupName)
      .sort(),
    names.sort(),
  )
  const filters = Object.values(gateway.findResources('AWS::Logs::MetricFilter'))
  for (const [id, { Properties, DeletionPolicy }] of Object.entries(logs)) {
    assert.deepEqual(Properties.FieldIndexPolicies, [{ Fields: ['tenantId', 'reason', 'requestId', 'flowId'] }], id)
    assert.deepEqual([Properties.RetentionInDays, DeletionPolicy], [90, 'RetainExceptOnCreate'], id)
    const own = filters.filter(({ Properties: filter }) => filter.LogGroupName.Ref === id)
    const wanted = lineMetricsOf(Properties.LogGroupName === LOGS.forwarder ? 'forwarder' : 'gateway')
    assert.deepEqual(
      own.map(({ Properties: { FilterPattern, MetricTransformations } }) => [
        FilterPattern,
        MetricTransformations[0].MetricName,
        MetricTransformations[0].Dimensions.length,
      ]),
      wanted.map(({ pattern, metricName, dimensions }) => [pattern, metricName, Object.keys(dimensions).length]),
      id,
    )
  }
  const silence = Object.values(gateway.findResources('AWS::CloudWatch::Alarm')).find(
    ({ Properties }) => Properties.AlarmName === 'corbado-cognito-gateway-Silence',
  )
  const named = silence?.Properties.Metrics.map(({ MetricStat, Expression }: Json) => MetricStat ?? Expression)
  assert.ok(named.includes('FILL(gateway, 0) + FILL(forwarder, 0)'), 'either may be the one that is called')
  assert.match(JSON.stringify(named), /corbado-cognito-gateway-forwarder/)
  // Container and forwarder write where these are.
  assert.equal(container().LogConfiguration.Options['awslogs-group'], LOGS.tasks)
  assert.equal(the('AWS::Lambda::Function').LoggingConfig.LogGroup, LOGS.forwarder)
})

test('saved queries and rankings of a region with containers look into all three logs', () => {
  const ids = Object.keys(gateway.findResources('AWS::Logs::LogGroup')).sort()
  const queries = Object.values(gateway.findResources('AWS::Logs::QueryDefinition'))
  assert.ok(queries.length > 5)
  for (const { Properties } of queries) {
    assert.deepEqual(Properties.LogGroupNames.map(({ Ref }: { Ref: string }) => Ref).sort(), ids, Properties.Name)
  }
  for (const { Properties, DependsOn } of Object.values(gateway.findResources('AWS::CloudWatch::InsightRule'))) {
    const { LogGroupNames } = JSON.parse(Properties.RuleBody)
    assert.deepEqual(LogGroupNames.sort(), ['/aws/lambda/corbado-cognito-gateway', ...Object.values(LOGS)].sort())
    assert.deepEqual(DependsOn.filter((id: string) => ids.includes(id)).sort(), ids)
  }
})

test("the forwarder keeps its secret as long as the region's settings say", () => {
  const { regions, ...rest } = containersWith()
  const home = (regions as Record<string, Json>)[REGION] as Json
  const config = { ...rest, regions: { [REGION]: { ...home, settings: { SECRET_TTL_SECONDS: '60' } } } }
  stackOf(synthContainers(config), `CorbadoGatewayContainers-${REGION}`).hasResourceProperties(
    'AWS::Lambda::Function',
    {
      Environment: { Variables: Match.objectLike({ SECRET_TTL_SECONDS: '60' }) },
    },
  )
})

test('a config that cannot work is refused with the field that is wrong', () => {
  const task = { cpu: 1024, memoryMb: 2048, min: 2, max: 20, requestsPerMinute: 12_000, logRetentionDays: 90 }
  const cases: [Json, RegExp][] = [
    [{ availabilityZones: ['eu-central-1a'] }, /containers\/availabilityZones/],
    [{ availabilityZones: ['eu-central-1a', 'eu-west-1a'] }, /availabilityZones: eu-west-1a is not in eu-central-1/],
    [
      { certificateArn: 'arn:aws:acm:us-east-1:999900000001:certificate/0f0e' },
      /certificateArn must be of eu-central-1/,
    ],
    [{ image: { repository: 'corbado/cognito-gateway', digest: 'latest' } }, /digest must be a digest/],
    [{ task: { ...task, min: 1 } }, /containers\/task\/min/],
    [{ task: { ...task, max: 2, min: 3 } }, /task\/max must be at least/],
    [{ tenantAliases: ['actions'] }, /"actions" is the alias of actions/],
    [
      { callerSecretsParameter: '/elsewhere/callers' },
      /callerSecretsParameter must be directly below \/corbado\/gateway\//,
    ],
    [{ callerSecretsParameter: '/corbado/gateway/a_b/callers' }, /must be directly below/],
    [{ domainName: 'https://gateway' }, /domainName must be a domain name/],
    [{ more: 1 }, /containers\/more is not a known field/],
  ]
  for (const [changes, message] of cases) assert.throws(() => synthContainers(containersWith(changes)), message)
  assert.throws(() => synthContainers(containersWith(), '/nowhere'), /run npm run build/)
})
