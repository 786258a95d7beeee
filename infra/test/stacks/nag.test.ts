import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Stack, Validations } from 'aws-cdk-lib'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { IConstruct } from 'constructs'
import { containersWith } from '../fixtures/containers.js'
import { tablesIn } from '../fixtures/pages.js'
import { app, example, hostedWith, type Json } from '../fixtures/synth.js'

const network = { subnetIds: ['subnet-0a1b2c3d', 'subnet-1a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'] }
const configs: Record<string, Json> = {
  hosted: example('hosted'),
  'hosted in subnets': hostedWith({ network }),
  containers: containersWith(),
  watch: hostedWith({ watch: { hours: 6 } }),
  'self-hosted': example('self-hosted'),
  'self-hosted in subnets': example('self-hosted', { network }),
}

/** All of cdk-nag's findings, the acknowledged ones too. */
function findingsIn(root: IConstruct): { path: string; id: string }[] {
  const checks = new AwsSolutionsChecks(root)
  Object.defineProperty(checks, 'isAcknowledged', { value: () => false })
  return checks
    .validateScope(root)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({ id: ruleName, path: String(constructPath) })),
    )
}

function acknowledgedIn(root: IConstruct): { path: string; id: string; reason: string }[] {
  return root.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      // The CDK acknowledges findings of its own in its own constructs.
      .filter(([id]) => !id.startsWith('CloudFormation-Validate::'))
      .map(([id, reason]) => ({ path: node.path, id: id.replace(/^annotation::/i, ''), reason })),
  )
}

for (const [name, config] of Object.entries(configs)) {
  test(`${name}: cdk-nag finds nothing but what its construct acknowledges, with a reason`, () => {
    const root = app(config)
    assert.deepEqual(new AwsSolutionsChecks(root).validateScope(root).violations, [])
    const findings = findingsIn(root)
    assert.ok(findings.length > 0)
    for (const { path, id, reason } of acknowledgedIn(root)) {
      assert.ok(reason.length > 30, `${path}: ${id} has no reason`)
      assert.notEqual(
        root.node.findChild(path.split('/')[0] ?? '').node.path,
        path,
        `${id} is acknowledged for a whole stack`,
      )
      const meant = findings.filter((finding) => finding.id === id && finding.path.startsWith(`${path}/`))
      assert.equal(meant.length, 1, `${path}: nothing needs ${id} to be acknowledged, or more than one thing does`)
    }
  })
}

/** `AwsSolutions-IAM5[Resource::arn:aws:ssm:…:parameter/x/*]` as FINDINGS.md has it: IAM5 `parameter/x/*`. */
function findingText(id: string): string {
  const [, rule, resource] = /^AwsSolutions-(\w+)(?:\[Resource::(.*)\])?$/.exec(id) ?? assert.fail(id)
  if (resource === undefined) return `${rule}`
  return `${rule} \`${resource.replace(/^arn:aws:\w+:[a-z\d-]+:\d{12}:/, '')}\``
}

test('FINDINGS.md names every acknowledged finding with its stack and construct, and no other', () => {
  const acknowledged = Object.values(configs).flatMap((config) =>
    acknowledgedIn(app(config)).map(({ path, id }) => {
      const [stack = '', ...construct] = path.split('/')
      const kind = stack.replace(/-[a-z]+(-[a-z]+)+-\d$/, '-<region>')
      return `${findingText(id)} | \`${kind}\` | \`${construct.join('/')}\``
    }),
  )
  const [rows = []] = tablesIn(readFileSync('FINDINGS.md', 'utf8'), ['finding', 'stack', 'construct', 'why'])
  const documented = rows.flatMap(([finding, stack = '', constructs = '', why = '']) => {
    assert.ok(why.length > 20, `${finding} of ${constructs} has no reason`)
    return constructs.split(', ').map((construct) => `${finding} | ${stack} | ${construct}`)
  })
  assert.deepEqual(documented.sort(), [...new Set(acknowledged)].sort())
})

test('synthesis fails on any other finding', () => {
  const root = app(example('hosted'))
  new Bucket(new Stack(root, 'Another'), 'Bucket')
  const write = process.stderr.write
  process.stderr.write = () => true
  try {
    assert.throws(() => root.synth(), /Validation failed/)
  } finally {
    process.stderr.write = write
  }
})
