import t from 'tap'
import { reasons, rowOf } from '../../src/reasons.js'
import { cli } from './fixtures/cli.js'

t.test('lists every reason with owner, level and meaning, on a terminal in 80 columns', async (t) => {
  const { code, stdout, stderr } = await cli(['reasons'], { isTTY: true })
  t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  t.strictSame(
    lines.filter((line) => line.length > 80),
    [],
  )
  for (const reason of reasons) {
    const line = lines.find((one) => one.startsWith(`${reason} `))
    t.ok(line?.includes(rowOf(reason).owner.split(' ')[0] ?? ''), reason)
  }
  t.equal(lines.at(-1), `${reasons.length} of ${reasons.length} reasons`)
  t.equal((await cli(['reasons'])).stdout.split('\n').length, reasons.length + 3, 'elsewhere a reason is a line')
})

t.test('one reason has all that is known of it', async (t) => {
  const { stdout } = await cli(['reasons', 'STS_DENIED'], { isTTY: true })
  t.match(stdout, /^reason {3}sts_denied$/m)
  t.match(stdout, /^at {7}pre-login, post-login, post-append$/m)
  t.match(stdout, /^outcome {2}fault, refused$|^outcome {2}refused, fault$/m)
  t.match(stdout, /^level {4}error$/m)
  t.match(stdout, /^owner {4}customer$/m)
  t.match(stdout, /^fix {6}corbado-gateway doctor <tenant>$/m)
  t.equal(stdout.match(/^perhaps {2}/gm)?.length, 2)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  t.match((await cli(['reasons', 'table_denied'])).stdout, /^alarm {4}from 1 line in 5 minutes on. Look at: the role/m)
  t.match((await cli(['reasons', 'backend_timeout'])).stdout, /^alarm {4}from 50 lines in 5 minutes on/m)
})

t.test('a word finds those with it in name, owner or meaning', async (t) => {
  const found = async (word: string) => {
    const { stdout } = await cli(['reasons', word, '--json'])
    return (JSON.parse(stdout) as { reasons: { reason: string }[] }).reasons.map(({ reason }) => reason)
  }
  t.strictSame(
    await found('Corbado'),
    reasons.filter((reason) => /corbado/i.test(`${rowOf(reason).owner} ${rowOf(reason).means}`)),
  )
  t.ok((await found('kms')).includes('secret_denied'))
  t.strictSame(await found('passkeys_off'), ['passkeys_off'], 'a whole name finds that one alone')
})

t.test('as JSON it has kind, steps, levels, look-alikes and alarm', async (t) => {
  const { stdout } = await cli(['reasons', 'caller_secrets_unavailable', '--json'])
  t.match(JSON.parse(stdout), {
    kind: 'reasons',
    reasons: [
      {
        reason: 'caller_secrets_unavailable',
        owner: 'us',
        fault: true,
        at: [
          { step: 'request', outcome: 'fault', level: 'error' },
          { step: 'forwarder', outcome: 'fault', level: 'error' },
          { step: 'forwarder', outcome: 'unchanged', level: 'error' },
        ],
        alike: [],
      },
    ],
  })
})

t.test('a word that none has is answered with the closest, and its help has examples', async (t) => {
  t.strictSame(await cli(['reasons', 'sts_denid']), {
    code: 1,
    stdout: '',
    stderr: 'error: no reason has "sts_denid" in its name, owner or meaning: did you mean sts_denied?\n',
  })
  t.match(await cli(['reasons', 'xyzzyxyzzy']), { code: 1, stderr: /corbado-gateway reasons lists them all\n$/ })
  t.match((await cli(['reasons', '--help'])).stdout, 'corbado-gateway reasons sts_denied')
})
