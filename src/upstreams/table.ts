import { isDeepStrictEqual } from 'node:util'
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { type Call, SLICE_MS } from '../call.js'
import { isUpstreamError, otherAnswer, upstreamError } from '../errors.js'
import type { UserPoolId } from '../ids.js'
import { callAws } from './aws-call.js'

/** One record of the tenant table. `config` is as it was written: its reader checks it. */
export interface TenantRecord {
  readonly userPoolId: UserPoolId
  /** `config`; `v<version>` for one that was replaced; `v<version>-removed` says who took that version out, and when. */
  readonly record: string
  readonly version: number
  /** ISO time. */
  readonly updatedAt: string
  readonly updatedBy: string
  readonly config: unknown
}

/** The DynamoDB table of tenant configs: hash key `userPoolId`, range key `record`. */
export interface Table {
  /** The current record of a pool; undefined if there is none. Eventually consistent, like every config read. */
  fetchConfig(userPoolId: UserPoolId, call: Call): Promise<TenantRecord | undefined>
  /** The same, strongly consistent: after a condition that did not hold, it tells whether the write was ours. */
  fetchConfigNow(userPoolId: UserPoolId, call: Call): Promise<TenantRecord | undefined>
  /** The current records of all pools. */
  listConfigs(call: Call): Promise<TenantRecord[]>
  /** The pools that have kept records, whether or not they have a current one. */
  listKeptPools(call: Call): Promise<ReadonlySet<string>>
  /**
   * Keeps a copy of a record: a current one, before it is replaced, as `v<version>`, any other under its own name. Keeping
   * the same one twice does no harm; false if a different one is kept under that name, which must not be lost.
   */
  keepVersion(record: TenantRecord, call: Call): Promise<boolean>
  /** Writes the current record if the table still holds `expected` (undefined: none); false if it does not. */
  putConfig(record: TenantRecord, expected: number | undefined, call: Call): Promise<boolean>
  /** The kept records of a pool, oldest version first; also of a pool that has no current record any more. */
  listVersions(userPoolId: UserPoolId, call: Call): Promise<TenantRecord[]>
  /** Deletes the current record if the table still holds `expected`; false if it does not. Keeps all versions. */
  deleteConfig(userPoolId: UserPoolId, expected: number, call: Call): Promise<boolean>
}

/**
 * An item as a record. One that was edited by hand may lack fields, or have wrong types: its version is then 0, which no
 * record has, its author and time are empty, and its other fields stay.
 */
function fromItem(item: Item): TenantRecord {
  try {
    // A number that JavaScript cannot hold must not hide the records beside it.
    const fields = unmarshall(item, { wrapNumbers: Number })
    const { userPoolId, version, updatedAt, updatedBy } = fields
    return {
      ...fields,
      userPoolId,
      record: String(fields.record),
      version: Number.isSafeInteger(version) && version > 0 ? version : 0,
      updatedAt: typeof updatedAt === 'string' ? updatedAt : '',
      updatedBy: typeof updatedBy === 'string' ? updatedBy : '',
      config: fields.config,
    }
  } catch (error) {
    throw upstreamError('table', 'malformed', {}, error)
  }
}

/** The condition that a record still has a version; undefined: that there is none. */
function holds(expected: number | undefined) {
  if (expected === undefined) return { ConditionExpression: 'attribute_not_exists(userPoolId)' }
  return {
    ConditionExpression: '#version = :expected',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: marshall({ ':expected': expected }),
  }
}

/** Answers whether it was written: a condition that did not hold is an answer, not a fault. */
async function unlessChanged(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (isUpstreamError(error) && error.facts.errorType === 'ConditionalCheckFailedException') return false
    throw error
  }
}

type Item = Record<string, AttributeValue>

const GET = { upstream: 'table', operation: 'GetItem' } as const

/** The items of all pages, each as what `of` makes of it. */
async function readPages<T>(
  of: (item: Item) => T,
  read: (startKey: Item | undefined) => Promise<{
    Items?: Item[] | undefined
    LastEvaluatedKey?: Item | undefined
  }>,
): Promise<T[]> {
  const found: T[] = []
  let startKey: Item | undefined
  do {
    const page = await read(startKey)
    for (const item of page.Items ?? []) found.push(of(item))
    startKey = page.LastEvaluatedKey
  } while (startKey)
  return found
}

/**
 * Reads and writes tenant records with the given client.
 * @param sliceMs longest time for reading one record, in milliseconds
 */
export function createTable(client: DynamoDBClient, tableName: string, sliceMs: number = SLICE_MS.tableFirst): Table {
  async function putUnless(record: TenantRecord, expected: number | undefined, call: Call): Promise<boolean> {
    const Item = marshall(record, { removeUndefinedValues: true })
    const command = new PutItemCommand({ TableName: tableName, Item, ...holds(expected) })
    return unlessChanged(callAws('table', call, undefined, (options) => client.send(command, options)))
  }

  async function fetchRecord(
    { userPoolId, record }: Pick<TenantRecord, 'userPoolId' | 'record'>,
    ConsistentRead: boolean,
    call: Call,
  ): Promise<TenantRecord | undefined> {
    const Key = marshall({ userPoolId, record })
    const command = new GetItemCommand({ TableName: tableName, Key, ConsistentRead })
    const { Item } = await callAws(GET, call, sliceMs, (options) => client.send(command, options), 'silent')
    const found = Item && fromItem(Item)
    if (found && (found.userPoolId !== userPoolId || found.record !== record)) {
      throw otherAnswer('table', `${found.record} of ${found.userPoolId}`, `${record} of ${userPoolId}`)
    }
    return found
  }

  return {
    fetchConfig: (userPoolId, call) => fetchRecord({ userPoolId, record: 'config' }, false, call),
    fetchConfigNow: (userPoolId, call) => fetchRecord({ userPoolId, record: 'config' }, true, call),
    listConfigs: (call) =>
      readPages(fromItem, (ExclusiveStartKey) => {
        const command = new ScanCommand({
          TableName: tableName,
          FilterExpression: '#record = :config',
          ExpressionAttributeNames: { '#record': 'record' },
          ExpressionAttributeValues: marshall({ ':config': 'config' }),
          ConsistentRead: true,
          ExclusiveStartKey,
        })
        return callAws('table', call, undefined, (options) => client.send(command, options))
      }),
    async listKeptPools(call) {
      const pools = await readPages(
        ({ userPoolId }) => String(userPoolId?.S),
        (ExclusiveStartKey) => {
          const command = new ScanCommand({
            TableName: tableName,
            FilterExpression: '#record <> :config',
            ProjectionExpression: 'userPoolId',
            ExpressionAttributeNames: { '#record': 'record' },
            ExpressionAttributeValues: marshall({ ':config': 'config' }),
            ConsistentRead: true,
            ExclusiveStartKey,
          })
          return callAws('table', call, undefined, (options) => client.send(command, options))
        },
      )
      return new Set(pools)
    },
    async listVersions(userPoolId, call) {
      const kept = await readPages(fromItem, (ExclusiveStartKey) => {
        const command = new QueryCommand({
          TableName: tableName,
          KeyConditionExpression: '#pool = :pool AND begins_with(#record, :v)',
          ExpressionAttributeNames: { '#pool': 'userPoolId', '#record': 'record' },
          ExpressionAttributeValues: marshall({ ':pool': userPoolId, ':v': 'v' }),
          ConsistentRead: true,
          ExclusiveStartKey,
        })
        return callAws('table', call, undefined, (options) => client.send(command, options))
      })
      const other = kept.find((one) => one.userPoolId !== userPoolId)
      if (other) throw otherAnswer('table', other.userPoolId, userPoolId)
      // The key sorts as text: v10 before v2.
      return kept.sort((a, b) => a.version - b.version)
    },
    async keepVersion(record, call) {
      const kept = { ...record, record: record.record === 'config' ? `v${record.version}` : record.record }
      if (await putUnless(kept, undefined, call)) return true
      return isDeepStrictEqual(await fetchRecord(kept, true, call), kept)
    },
    putConfig: (record, expected, call) => putUnless({ ...record, record: 'config' }, expected, call),
    deleteConfig(userPoolId, expected, call) {
      const Key = marshall({ userPoolId, record: 'config' })
      const command = new DeleteItemCommand({ TableName: tableName, Key, ...holds(expected) })
      return unlessChanged(callAws('table', call, undefined, (options) => client.send(command, options)))
    },
  }
}

/**
 * What a command keeps for a while beside the configs; a table whose TTL attribute is `expiresAt` deletes it by itself. All
 * records of one command are under one key of the table, so that a right can be limited to that key.
 */
export interface StateRecord {
  /** The name of the command: the table's hash key, in the place of a pool's id. */
  readonly owner: string
  readonly record: string
  readonly version: number
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** As it was written: its reader checks it. */
  readonly state: unknown
}

/** The records that commands keep in the table for a while. */
export interface States {
  /** All records of this owner that have not expired; the table deletes expired ones only days later. */
  list(owner: string, nowMs: number, call: Call): Promise<StateRecord[]>
  /** Replaces a record of any version. */
  put(record: StateRecord, call: Call): Promise<void>
  /** Writes it if the table still holds the version before its own, or none or an expired one; false if it does not. */
  putNext(record: StateRecord, nowMs: number, call: Call): Promise<boolean>
}

/** Reads and writes such records with the given client; needs `dynamodb:Query` and `dynamodb:PutItem` on the owner's key. */
export function createStates(client: DynamoDBClient, tableName: string): States {
  const item = ({ owner, ...record }: StateRecord) =>
    marshall({ userPoolId: owner, ...record }, { removeUndefinedValues: true })
  return {
    list: (owner, nowMs, call) =>
      readPages(stateOf, (ExclusiveStartKey) => {
        const command = new QueryCommand({
          TableName: tableName,
          KeyConditionExpression: 'userPoolId = :owner',
          FilterExpression: 'expiresAt > :now',
          ExpressionAttributeValues: marshall({ ':owner': owner, ':now': Math.floor(nowMs / 1_000) }),
          ConsistentRead: true,
          ExclusiveStartKey,
        })
        return callAws('table', call, undefined, (options) => client.send(command, options))
      }),
    async put(record, call) {
      const command = new PutItemCommand({ TableName: tableName, Item: item(record) })
      await callAws('table', call, undefined, (options) => client.send(command, options))
    },
    putNext(record, nowMs, call) {
      const command = new PutItemCommand({
        TableName: tableName,
        Item: item(record),
        ConditionExpression: 'attribute_not_exists(userPoolId) OR #version = :before OR expiresAt <= :now',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: marshall({ ':before': record.version - 1, ':now': Math.floor(nowMs / 1_000) }),
      })
      return unlessChanged(callAws('table', call, undefined, (options) => client.send(command, options)))
    },
  }
}

function stateOf(item: Item): StateRecord {
  try {
    const { userPoolId, record, version, expiresAt, state } = unmarshall(item, { wrapNumbers: Number })
    return { owner: String(userPoolId), record: String(record), version, expiresAt, state }
  } catch (error) {
    throw upstreamError('table', 'malformed', {}, error)
  }
}
