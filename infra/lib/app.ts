import { App, type AppProps, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { HostedConfig, SelfHostedConfig } from './config/config.js'
import { ContainerStack } from './stacks/container.js'
import { GatewayStack } from './stacks/gateway.js'
import { GlobalStack } from './stacks/global.js'
import { SelfHostedStack } from './stacks/self-hosted.js'

export interface AppOptions extends Pick<AppProps, 'outdir'> {
  /** Folder with the function's built code. */
  readonly bundle: string
  /** Folder with the forwarder's built code, if a region has containers; by default that of `npm run build`. */
  readonly forwarderBundle?: string
}

/** The stacks of one config; synthesis fails if cdk-nag finds something that no construct acknowledges. */
export function createApp(
  config: HostedConfig | SelfHostedConfig,
  { bundle, forwarderBundle, ...props }: AppOptions,
): App {
  const app = new App({ analyticsReporting: false, ...props })
  if (config.kind === 'hosted') addHosted(app, config, bundle, forwarderBundle)
  else new SelfHostedStack(app, config, bundle)
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  return app
}

function addHosted(app: App, hosted: HostedConfig, bundle: string, forwarderBundle = 'dist/forwarder'): void {
  const global = new GlobalStack(app, hosted)
  for (const [region, config] of Object.entries(hosted.regions)) {
    const gateway = new GatewayStack(app, { hosted, region, config, bundle })
    gateway.addStackDependency(global)
    const { containers } = config
    if (!containers) continue
    const stack = new ContainerStack(app, { hosted, region, config, containers, gateway, bundle: forwarderBundle })
    stack.addStackDependency(gateway)
  }
}
