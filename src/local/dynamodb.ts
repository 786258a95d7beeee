import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'
import { Pool } from 'undici'
import type { Clock } from '../call.js'
import { allows, deniedText, type Identity } from './aws/identity.js'
import { awsJsonError, awsJsonFault, awsJsonOperation } from './aws/json.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from './aws/server.js'

export interface TableStandIn extends StandIn {
  readonly tableName: string
}

/** Creates the tenant table, keys as in infra/lib/gateway/tenant-table.ts, and waits until it serves. */
async function createTable(endpoint: string, tableName: string): Promise<void> {
  // dynalite knows no credentials; the signature of real callers is checked before their bytes reach it.
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ endpoint, region: 'local', credentials })
  try {
    await client.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'userPoolId', AttributeType: 'S' },
          { AttributeName: 'record', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'userPoolId', KeyType: 'HASH' },
          { AttributeName: 'record', KeyType: 'RANGE' },
        ],
      }),
    )
    const describe = () => client.send(new DescribeTableCommand({ TableName: tableName }))
    while ((await describe()).Table?.TableStatus !== 'ACTIVE') await setTimeout(2)
  } finally {
    client.destroy()
  }
}

interface TableInput {
  readonly TableName?: string
  readonly IndexName?: string
  readonly RequestItems?: object
  readonly Key?: Item
  readonly Item?: Item
  readonly KeyConditionExpression?: string
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>
  readonly ExpressionAttributeValues?: Item
}
type Item = Readonly<Record<string, { readonly S?: string }>>

/** The hash key that a call is about, which IAM calls its leading key; a Scan has none. */
function leadingKeyOf(input: TableInput): string | undefined {
  const { Key, Item, KeyConditionExpression = '', ExpressionAttributeNames, ExpressionAttributeValues } = input
  const own = (Key ?? Item)?.userPoolId?.S
  if (own !== undefined) return own
  for (const [, name = '', value = ''] of KeyConditionExpression.matchAll(/(#?\w+)\s*=\s*(:\w+)/g))
    if ((ExpressionAttributeNames?.[name] ?? name) === 'userPoolId') return ExpressionAttributeValues?.[value]?.S
  return undefined
}

/** Refuses a call that the caller's policies do not allow on every table it names. */
function unauthorized({ principal, region, body }: WireRequest, operation: string): WireAnswer | undefined {
  if (!principal) return awsJsonError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const input: TableInput = JSON.parse(body.toString())
  const tables = input.RequestItems ? Object.keys(input.RequestItems) : [input.TableName ?? '*']
  const action = `dynamodb:${operation}`
  const leadingKey = leadingKeyOf(input)
  const context = leadingKey === undefined ? {} : { 'dynamodb:LeadingKeys': leadingKey }
  for (const table of tables) {
    const index = input.IndexName === undefined ? '' : `/index/${input.IndexName}`
    const arn = `arn:aws:dynamodb:${region}:${principal.accountId}:table/${table}${index}`
    if (allows(principal, action, arn, context)) continue
    return awsJsonError('AccessDeniedException', deniedText(principal.arn, action, arn, 'identity-based'))
  }
  return undefined
}

/**
 * Starts DynamoDB: dynalite in this process, holding the empty tenant table, behind a server that checks signatures and
 * rights and then hands the bytes on as they are, in both directions.
 */
export async function startTable(options: {
  readonly clock: Clock
  readonly identity: Identity
  readonly tableName: string
  readonly port?: number | undefined
  /** How long a new table stays in CREATING. */
  readonly createTableMs?: number
}): Promise<TableStandIn> {
  const { clock, identity, tableName, port, createTableMs = 0 } = options
  const engine = dynalite({ createTableMs })
  await once(engine.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(engine.address() as AddressInfo).port}`
  const client = new Pool(origin, { connections: 16 })
  const stopEngine = async (): Promise<void> => {
    await client.destroy()
    await new Promise((resolve) => engine.close(resolve))
  }

  const handle = async (request: WireRequest, operation: string): Promise<WireAnswer> => {
    const refused = unauthorized(request, operation)
    if (refused) return refused
    const { authorization = '', 'x-amz-target': target = '', 'x-amz-date': date = '' } = request.headers
    const headers = { authorization, 'x-amz-target': target, 'x-amz-date': date }
    const answer = await client.request({
      method: 'POST',
      path: '/',
      headers: { ...headers, 'content-type': 'application/x-amz-json-1.0' },
      body: request.body,
    })
    // The checksum is of dynalite's own bytes, and the SDK compares it.
    const kept = ['content-type', 'x-amz-crc32', 'x-amzn-requestid'].map((name) => [name, String(answer.headers[name])])
    return {
      status: answer.statusCode,
      headers: Object.fromEntries(kept),
      body: Buffer.from(await answer.body.arrayBuffer()),
    }
  }

  try {
    await createTable(origin, tableName)
    const standIn = await startStandIn({
      name: 'dynamodb',
      port,
      clock,
      identity,
      operationOf: awsJsonOperation,
      faultAnswer: awsJsonFault,
      handle,
    })
    const stop = async () => void (await Promise.all([standIn.stop(), stopEngine()]))
    return { ...standIn, tableName, stop }
  } catch (error) {
    await stopEngine()
    throw error
  }
}
