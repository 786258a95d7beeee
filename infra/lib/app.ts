import { App, type AppProps, type Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { HostedConfig, SelfHostedConfig } from './config/config.js'
import { ContainerStack } from './stacks/container.js'
import { GatewayStack } from './stacks/gateway.js'
import { GlobalStack } from './stacks/global.js'
import { SelfHostedStack } from './stacks/self-hosted.js'
import { WatchStack } from './stacks/watch.js'

export interface AppOptions extends Pick<AppProps, 'outdir'> {
  /** Folder with the function's built code. */
  readonly bundle: string
  /** Folder with the forwarder's built code, if a region has containers; by default that of `npm run build`. */
  readonly forwarderBundle?: string
  /** Folder with the built code of the function that watches, if a region has one; by default that of `npm run build`. */
  readonly watchBundle?: string
}

interface Bundles {
  readonly gateway: string
  readonly forwarder: string
  readonly watch: string
}

/** The stacks of one config; synthesis fails if cdk-nag finds something that no construct acknowledges. */
export function createApp(
  config: HostedConfig | SelfHostedConfig,
  { bundle, forwarderBundle = 'dist/forwarder', watchBundle = '../dist/watch', ...props }: AppOptions,
): App {
  const app = new App({ analyticsReporting: false, ...props })
  if (config.kind === 'hosted')
    addHosted(app, config, { gateway: bundle, forwarder: forwarderBundle, watch: watchBundle })
  else new SelfHostedStack(app, config, bundle)
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  return app
}

function addHosted(app: App, hosted: HostedConfig, bundles: Bundles): void {
  const global = new GlobalStack(app, hosted)
  const { account, alarmTopicName } = hosted
  for (const [region, config] of Object.entries(hosted.regions)) {
    const gateway = new GatewayStack(app, { hosted, region, config, bundle: bundles.gateway })
    gateway.addStackDependency(global)
    const { containers, watch } = config
    const added: Stack[] = []
    if (containers)
      added.push(new ContainerStack(app, { hosted, region, config, containers, gateway, bundle: bundles.forwarder }))
    if (watch && alarmTopicName !== undefined)
      added.push(
        new WatchStack(app, {
          place: { account, region },
          config,
          watch,
          alarmTopicName,
          gateway,
          bundle: bundles.watch,
        }),
      )
    for (const stack of added) stack.addStackDependency(gateway)
  }
}
