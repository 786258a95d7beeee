import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type App, Stack } from 'aws-cdk-lib'
import { PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { readWatchSettings, WATCH_SETTINGS } from '../../../src/operator/watch/settings.js'
import { acknowledge, wildcardResource } from '../acknowledge.js'
import type { RegionConfig } from '../config/config.js'
import type { WatchConfig } from '../config/parts.js'
import { ConfigInvalid } from '../config/read.js'
import { watchRights } from '../gateway/watch-rights.js'
import { arnsIn, logGroupsOf, NAMES, type Place } from '../names.js'
import { createLook } from '../watch/look.js'
import type { GatewayStack } from './gateway.js'

export interface WatchStackOptions {
  readonly place: Place
  readonly config: RegionConfig
  readonly watch: WatchConfig
  readonly alarmTopicName: string
  /** The region's table and its key. */
  readonly gateway: GatewayStack
  /** Folder with the function's built code. */
  readonly bundle: string
}

/**
 * `watch` of one region: a function of its own looks at the lines every five minutes and tells the topic of the alarms what has
 * changed. It can be taken away without anything else noticing.
 */
export class WatchStack extends Stack {
  constructor(app: App, { place, config, watch, alarmTopicName, gateway, bundle }: WatchStackOptions) {
    super(app, `CorbadoGatewayWatch-${place.region}`, {
      env: place,
      description: `Watches the Corbado passkey gateway in ${place.region}`,
    })
    if (!existsSync(join(bundle, 'index.mjs')))
      throw new ConfigInvalid(
        `${join(bundle, 'index.mjs')} is not there: run npm ci && npm run build:watch in the root`,
      )
    const arns = arnsIn(place)
    const topicArn = arns.topic(alarmTopicName)
    const variables = {
      [WATCH_SETTINGS.tenantTable.name]: NAMES.table,
      [WATCH_SETTINGS.logGroups.name]: logGroupsOf(config).join(','),
      [WATCH_SETTINGS.topicArn.name]: topicArn,
      [WATCH_SETTINGS.hours.name]: String(watch.hours),
    }
    // What would stop its start stops the synthesis.
    readWatchSettings({ ...variables, [WATCH_SETTINGS.region.name]: place.region })
    const lines = arns.lines.slice(0, logGroupsOf(config).length)
    const role = new Role(this, 'Role', {
      roleName: `${NAMES.watchRole}-${place.region}`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: 'Watches the Corbado passkey gateway',
      inlinePolicies: {
        watch: new PolicyDocument({
          statements: watchRights({ place, tableKeyArn: gateway.tableKeyArn, topicArn, lines }),
        }),
      },
    })
    acknowledge(role, {
      ...Object.fromEntries(
        lines.map((arn) => [wildcardResource(arn), "CloudWatch's form of a right on a whole log group."]),
      ),
      [wildcardResource('*')]: 'The results of a query are no resource.',
      [wildcardResource(`${arns.watchLog}:log-stream:*`)]: 'Lambda names the streams of the one log group.',
    })
    const { logRetentionDays: retentionDays } = config.function
    createLook(this, { bundle, role: role.withoutPolicyUpdates(), variables, retentionDays, topicArn })
  }
}
