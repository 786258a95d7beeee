import { isDeepStrictEqual } from 'node:util'
import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { type Call, SLICE_MS } from '../call.js'
import { isUpstreamError, upstreamError } from '../errors.js'
import type { UserPoolId } from '../ids.js'
import { callAws } from './aws-call.js'

/** One record of the tenant table. `config` is as it was written: whoever reads it checks it. */
export interface TenantRecord {
  readonly userPoolId: UserPoolId
  /** `config`, or `v<version>` for one that was replaced. */
  readonly record: string
  readonly version: number
  /** ISO time. */
  readonly updatedAt: string
  readonly updatedBy: string
  readonly config: unknown
}

/** The DynamoDB table of tenant configs: hash key `userPoolId`, range key `record`. */
export interface Table {
  /** The current record of a pool; undefined where there is none. Eventually consistent, like every config read. */
  fetchConfig(userPoolId: UserPoolId, call: Call): Promise<TenantRecord | undefined>
  /** The current records of all pools. */
  listConfigs(call: Call): Promise<TenantRecord[]>
  /**
   * Keeps a record that is about to be replaced as `v<version>`. Keeping the same one twice does no harm; false where
   * another one is kept under that version, which must not be lost.
   */
  keepVersion(record: TenantRecord, call: Call): Promise<boolean>
  /** Writes the current record if the table still holds `expected` (undefined: none); false if somebody was faster. */
  putConfig(record: TenantRecord, expected: number | undefined, call: Call): Promise<boolean>
}

function fromItem(item: Record<string, AttributeValue>): TenantRecord {
  try {
    return unmarshall(item) as TenantRecord
  } catch (error) {
    throw upstreamError('table', 'malformed', {}, error)
  }
}

/** Reads and writes tenant records with the given client. */
export function createTable(client: DynamoDBClient, tableName: string): Table {
  async function put(record: TenantRecord, expected: number | undefined, call: Call) {
    const condition =
      expected === undefined
        ? { ConditionExpression: 'attribute_not_exists(userPoolId)' }
        : {
            ConditionExpression: '#version = :expected',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: marshall({ ':expected': expected }),
          }
    const command = new PutItemCommand({
      TableName: tableName,
      Item: marshall(record, { removeUndefinedValues: true }),
      ...condition,
    })
    await callAws('table', call, undefined, (options) => client.send(command, options))
  }

  async function putUnless(record: TenantRecord, expected: number | undefined, call: Call): Promise<boolean> {
    try {
      await put(record, expected, call)
      return true
    } catch (error) {
      if (isUpstreamError(error) && error.facts.errorType === 'ConditionalCheckFailedException') return false
      throw error
    }
  }

  async function fetchRecord(userPoolId: UserPoolId, record: string, call: Call): Promise<TenantRecord | undefined> {
    const command = new GetItemCommand({ TableName: tableName, Key: marshall({ userPoolId, record }) })
    const { Item } = await callAws('table', call, SLICE_MS.table, (options) => client.send(command, options))
    return Item && fromItem(Item)
  }

  return {
    fetchConfig: (userPoolId, call) => fetchRecord(userPoolId, 'config', call),
    async listConfigs(call) {
      const records: TenantRecord[] = []
      let ExclusiveStartKey: Record<string, AttributeValue> | undefined
      do {
        const command = new ScanCommand({
          TableName: tableName,
          FilterExpression: '#record = :config',
          ExpressionAttributeNames: { '#record': 'record' },
          ExpressionAttributeValues: marshall({ ':config': 'config' }),
          ConsistentRead: true,
          ...(ExclusiveStartKey && { ExclusiveStartKey }),
        })
        const page = await callAws('table', call, undefined, (options) => client.send(command, options))
        records.push(...(page.Items ?? []).map(fromItem))
        ExclusiveStartKey = page.LastEvaluatedKey
      } while (ExclusiveStartKey)
      return records
    },
    async keepVersion(record, call) {
      const kept = { ...record, record: `v${record.version}` }
      if (await putUnless(kept, undefined, call)) return true
      return isDeepStrictEqual(await fetchRecord(record.userPoolId, kept.record, call), kept)
    },
    putConfig: (record, expected, call) => putUnless({ ...record, record: 'config' }, expected, call),
  }
}
