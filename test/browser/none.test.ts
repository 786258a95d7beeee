/** A machine without a browser: where CHROMIUM points nowhere, as this one has one. */
import { spawnSync } from 'node:child_process'
import t from 'tap'

/** Asks for the tests that need a browser. */
function run(env: Readonly<Record<string, string>>) {
  const args = ['test/run.mjs', '--bundled', '--browser']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: { PATH: process.env.PATH, CHROMIUM: 'no/such/browser', ...env },
    encoding: 'utf8',
  })
  return { status, said: `${stdout}${stderr}`.trim().split('\n') }
}

const TOLD =
  /^\*\*\* NOT RUN: \d+ test files need a browser, and there is none where CHROMIUM says, no\/such\/browser: /

t.test('without a browser its tests are not run, which one loud line tells', async (t) => {
  const { status, said } = run({})
  t.equal(status, 0)
  t.equal(said.length, 1)
  t.match(said[0], TOLD)
})

t.test('in CI that is a failure', async (t) => {
  const { status, said } = run({ CI: 'true' })
  t.equal(status, 1)
  t.equal(said.length, 1)
  t.match(said[0], TOLD)
})
