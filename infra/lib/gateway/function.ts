import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib'
import type { IRole } from 'aws-cdk-lib/aws-iam'
import {
  Architecture,
  CfnFunction,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda'
import type { ILogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { GATEWAY_VERSION } from '../../../src/env.js'
import type { FunctionConfig, Network } from '../config/parts.js'
import { ConfigInvalid } from '../config/read.js'
import { NAMES } from '../names.js'

/** Cognito waits no longer for a trigger (fact A1), so nothing that runs on is of use. */
const TIMEOUT = Duration.seconds(5)

/**
 * As in the Dockerfile: half of Node's threads look names up, and one stands still for each name that nobody answers for. A name
 * server that is silent is asked again after one second instead of five.
 */
const LOOKUPS = { UV_THREADPOOL_SIZE: '64', RES_OPTIONS: 'timeout:1' } as const

export interface GatewayFunctionOptions {
  /** Folder with the built `index.mjs`. */
  readonly bundle: string
  readonly role: IRole
  readonly log: ILogGroup
  readonly variables: Record<string, string>
  readonly config: FunctionConfig
  readonly network: Network | undefined
}

/**
 * The Lambda function. A published version is kept when the next comes, so that aliases can go back to it.
 * @throws ConfigInvalid if the bundle has not been built
 */
export function createGatewayFunction(scope: Construct, options: GatewayFunctionOptions): LambdaFunction {
  const { bundle, role, log, variables, config, network } = options
  if (!existsSync(join(bundle, 'index.mjs'))) {
    throw new ConfigInvalid(`${join(bundle, 'index.mjs')} is not there: run npm ci && npm run build:lambda in the root`)
  }
  const gateway = new LambdaFunction(scope, 'Function', {
    functionName: NAMES.function,
    description: `Corbado passkey gateway ${GATEWAY_VERSION}`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    // The source map is four times the code, and a cold start has to fetch what is uploaded; what V8 compiled for another
    // processor is of no use there.
    code: Code.fromAsset(bundle, { exclude: ['*.map', '*.x64.*'] }),
    handler: 'index.handler',
    role,
    timeout: TIMEOUT,
    memorySize: config.memoryMb,
    reservedConcurrentExecutions: config.reservedConcurrency,
    // With a size of ours the runtime sets none (fact A56), so that V8's flags are known when the function is built.
    environment: { ...variables, ...LOOKUPS, NODE_OPTIONS: `--max-old-space-size=${heapMb(config)}` },
    logGroup: log,
    // The service writes JSON lines itself. As Text, Lambda passes them on as they are; with JSON it would read
    // the keys `level` and `timestamp`, and ours say `time`: such a line counts as INFO and gets a timestamp more.
    loggingFormat: LoggingFormat.TEXT,
    currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN, description: GATEWAY_VERSION },
  })
  if (!hasCompiled(bundle, config.memoryMb))
    Annotations.of(gateway).addWarningV2(
      'corbado:not-compiled',
      `${bundle} holds nothing that V8 compiled for arm64 and ${config.memoryMb} MB: the function works, and its cold starts take twice as long. RELEASE.md says how to build it`,
    )
  if (network && gateway.node.defaultChild instanceof CfnFunction) {
    gateway.node.defaultChild.vpcConfig = { subnetIds: network.subnetIds, securityGroupIds: network.securityGroupIds }
  }
  return gateway
}

/** The most of the function's memory that V8's heap may take, as the runtime would have it. */
const heapMb = ({ memoryMb }: Pick<FunctionConfig, 'memoryMb'>) => Math.floor(memoryMb * 0.9)

/** Whether what V8 compiled when the bundle was built is of use in the function (src/compiled.ts). */
function hasCompiled(bundle: string, memoryMb: number): boolean {
  const isFor = (name: string) =>
    name.includes('.arm64.') && name.includes(`.max-old-space-size=${heapMb({ memoryMb })}.`)
  return readdirSync(bundle).some((name) => name.endsWith('.bin') && isFor(name))
}
