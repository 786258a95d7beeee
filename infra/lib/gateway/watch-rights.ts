import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { WATCH_OWNER } from '../../../src/operator/watch/settings.js'
import { arnsIn, type Place } from '../names.js'
import { TABLE_KEY_USE } from './operator-rights.js'
import { throughService } from './rights.js'

export interface WatchRightsOptions {
  readonly place: Place
  readonly tableKeyArn: string
  readonly topicArn: string
  /** The gateway's log groups of this deployment, as policies name them. */
  readonly lines: readonly string[]
}

/** What the function that watches does: src/local/accounts.ts has the same for the embedded stack. */
export function watchRights({ place, tableKeyArn, topicArn, lines }: WatchRightsOptions): PolicyStatement[] {
  const arns = arnsIn(place)
  const allow = (sid: string, actions: string[], resources: string[], conditions: Record<string, unknown> = {}) =>
    new PolicyStatement({ sid, actions, resources, conditions })
  return [
    allow('CountLines', ['logs:StartQuery'], [...lines]),
    // The results of a query belong to no log group.
    allow('Counts', ['logs:GetQueryResults'], ['*']),
    // Its own records: no config is under this key. A Scan has no leading key, and is not allowed.
    allow('State', ['dynamodb:Query', 'dynamodb:PutItem'], [arns.table], {
      'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [WATCH_OWNER] },
    }),
    allow('TableKey', [...TABLE_KEY_USE], [tableKeyArn], throughService('dynamodb', place.region)),
    allow('Tell', ['sns:Publish'], [topicArn]),
    allow('WriteLines', ['logs:CreateLogStream', 'logs:PutLogEvents'], [`${arns.watchLog}:log-stream:*`]),
  ]
}
