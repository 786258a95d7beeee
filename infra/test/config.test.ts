import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createApp } from '../lib/app.js'
import { ConfigInvalid, parseConfig, readConfig } from '../lib/config/read.js'
import { containersWith } from './fixtures/containers.js'
import { app, example, hostedWith, type Json } from './fixtures/synth.js'

const refused = (config: unknown, ...words: (string | RegExp)[]) =>
  assert.throws(
    () => parseConfig(config, 'x.json'),
    (error) => {
      assert.ok(error instanceof ConfigInvalid)
      for (const word of words) assert.match(error.message, typeof word === 'string' ? new RegExp(word) : word)
      return true
    },
  )

test('a config is refused with everything that is wrong with it, each with its field', () => {
  refused({}, 'x.json: /kind must be "hosted" or "self-hosted"')
  refused('hosted', '/kind')
  const { account: _, ...rest } = example('hosted', { operatorRoleArn: 'operator', acount: '1' })
  refused(
    rest,
    'x.json: /account is missing',
    '/operatorRoleArn must be the ARN of an IAM role',
    '/acount is not a known',
  )
  refused(hostedWith({ tenantAliases: ['12'] }), '/regions/eu-central-1/tenantAliases/0 must be a Lambda alias name')
  refused(hostedWith({ release: { stableVersion: '$LATEST', newVersionWeight: 2 } }), 'published version', 'Weight')
  refused(
    hostedWith({ function: { memoryMb: 64, reservedConcurrency: 0, logRetentionDays: 31 } }),
    'memoryMb',
    'one of 30',
  )
  refused(example('self-hosted', { userPoolId: 'pool' }), '/userPoolId must be a user pool id')
  refused(example('self-hosted', { account: 111122223333 }), '/account')
})

test('regions must fit together', () => {
  const home = (example('hosted').regions as Record<string, Json>)['eu-central-1'] as Json
  const key = 'arn:aws:kms:eu-west-1:999900000001:key/mrk-1'
  const withKey = (keyArn: string, at = 'eu-west-1') => ({ ...home, table: { replicaKeyArns: { [at]: keyArn } } })
  refused(example('hosted', { homeRegion: 'us-east-1' }), '/homeRegion must be one of /regions: eu-central-1')
  refused(example('hosted', { regions: { 'eu-central-1': { ...home, table: 'replica' } } }), 'no region has the table')
  refused(example('hosted', { regions: { 'eu-central-1': withKey(key) } }), 'needs /regions/eu-west-1')
  const both = (first: Json) =>
    example('hosted', { regions: { 'eu-central-1': first, 'eu-west-1': { ...home, table: 'replica' } } })
  refused(both(withKey(key.replace('eu-west-1', 'eu-west-2'))), 'must be a key of eu-west-1 and 999900000001')
  refused(both(withKey(key.replace('eu-west-1', 'eu-central-1'), 'eu-central-1')), 'region of the table itself')
  assert.equal(parseConfig(both(withKey(key)), 'x.json').kind, 'hosted')
})

test('no more concurrency is reserved in a region than Lambda leaves to reservations', () => {
  const sized = (reservedConcurrency: number) => ({ memoryMb: 1024, reservedConcurrency, logRetentionDays: 90 })
  const both = (ofFunction: number, ofForwarder: number, concurrencyLimit?: number) => {
    const { regions, ...rest } = containersWith({ forwarder: sized(ofForwarder) })
    const home = (regions as Record<string, Json>)['eu-central-1'] as Json
    const limit = concurrencyLimit === undefined ? {} : { concurrencyLimit }
    return { ...rest, regions: { 'eu-central-1': { ...home, ...limit, function: sized(ofFunction) } } }
  }
  const words = '/regions/eu-central-1: function and forwarder reserve 901, and of 1000 Lambda leaves 900: reserve less'
  refused(both(401, 500), words)
  refused(both(900, 1_101, 2_100), 'of 2100 Lambda leaves 2000')
  refused(hostedWith({ function: sized(901) }), '/regions/eu-central-1: the function reserves 901')
  refused(example('self-hosted', { function: sized(901) }), 'the function reserves 901')
  for (const config of [both(400, 500), both(900, 1_100, 2_100), hostedWith({ function: sized(900) })]) {
    assert.equal(parseConfig(config, 'x.json').kind, 'hosted')
  }
})

test('a file that cannot be read, or a bundle that was not built, is said in one line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  assert.throws(() => readConfig(join(folder, 'none.json')), /none.json cannot be read/)
  writeFileSync(join(folder, 'bad.json'), '{')
  assert.throws(() => readConfig(join(folder, 'bad.json')), /bad.json cannot be read/)
  const config = readConfig('config/hosted.example.json')
  assert.throws(() => createApp(config, { bundle: folder, outdir: folder }), /npm run build:lambda in the root/)
  const watched = parseConfig(hostedWith({ watch: { hours: 6 } }), 'x.json')
  const bundle = mkdtempSync(join(tmpdir(), 'bundle-'))
  writeFileSync(join(bundle, 'index.mjs'), '')
  const without = { bundle, watchBundle: join(bundle, 'none'), outdir: folder }
  assert.throws(() => createApp(watched, without), /npm run build:watch in the root/)
})

test("what would stop the service's start stops the synthesis", () => {
  const settings = (given: Json) => () => app(hostedWith({ settings: given }))
  assert.throws(settings({ TRIGGER_DEADLINE_MS: '9000' }), /TRIGGER_DEADLINE_MS must be a whole number/)
  assert.throws(settings({ LOG_LEVLE: 'info' }), /LOG_LEVLE cannot be set here; known are LOG_LEVEL, /)
  assert.throws(settings({ SELF_HOSTED: 'true' }), /SELF_HOSTED cannot be set here/)
  assert.throws(settings({ TENANT_TABLE: 'other' }), /TENANT_TABLE cannot be set here/)
  assert.throws(settings({ PORT: '80' }), /PORT cannot be set here/)
  for (const parameter of ['/elsewhere/key', '/corbado/gateway/a_b/key', '/corbado/gateway-2/key']) {
    const said = /PSEUDONYM_KEY_PARAMETER must be directly below \/corbado\/gateway\//
    assert.throws(settings({ PSEUDONYM_KEY_PARAMETER: parameter }), said, parameter)
  }
  assert.throws(() => app(hostedWith({ tenantAliases: ['actions'] })), /"actions" is the alias of actions/)
})
