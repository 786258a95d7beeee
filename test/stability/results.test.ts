import t from 'tap'
import { heading, readResults, rowOf, summaryOf } from './results.js'

const tap = `TAP version 14
1..3
# Subtest: test/a.test.ts
    # Subtest: holds
        not ok 1 - should be equal
        1..1
    not ok 1 - holds # time=1.5ms
    ok 2 - also # time=1ms
    not ok 3 - at the root
not ok 1 - test/a.test.ts # time=9ms

ok 2 - test/b.test.ts # time=9.25ms
not ok 3 - test/c.test.ts # time=300000ms

# { total: 9, pass: 6, fail: 3 }
# time=18ms
`

t.test('a run is read with its counts, and the names of what failed', async (t) => {
  const failures = ['test/a.test.ts › holds', 'test/a.test.ts › at the root', 'test/c.test.ts']
  t.strictSame(readResults(tap, 1), { passed: 6, failed: 3, failures })
  t.strictSame(readResults('# { total: 7, pass: 7 }\n', 0), { passed: 7, failed: 0, failures: [] })
})

t.test('a run that ended early is a failed one, whatever it had said', async (t) => {
  t.strictSame(readResults('', null), { passed: 0, failed: 1, failures: ['the run ended with null'] })
  t.strictSame(readResults('# { total: 7, pass: 7 }\n', 1), {
    passed: 7,
    failed: 1,
    failures: ['the run ended with 1'],
  })
})

t.test('runs are the rows of a table', async (t) => {
  const first = { run: 1, beside: 0, seconds: 99.6, passed: 9_000, failed: 0, failures: [] }
  const second = { run: 2, beside: 2, seconds: 140.2, passed: 8_998, failed: 2, failures: ['a › b', 'c'] }
  t.strictSame(
    [heading, rowOf(first), rowOf(second), summaryOf([first, second])],
    [
      '  run  beside  seconds  passed  failed  failures',
      '    1       0      100    9000       0',
      '    2       2      140    8998       2  a › b; c',
      '1 of 2 runs failed; 100 to 140 s',
    ],
  )
})
