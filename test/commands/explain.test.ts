import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { KINDS } from '../fixtures/oncall/incidents.js'
import { createRandom } from '../fixtures/oncall/random.js'
import { createWorld, generate } from '../fixtures/oncall/traffic.js'
import { cli } from './fixtures/cli.js'
import { frozenAt } from './fixtures/clock.js'

const PAGE = 'infra/ON-CALL.md'
const random = createRandom(3)
const world = createWorld(random, 8, 150)
const planted = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
const tenant = planted.tenant ?? ''
const texts: string[] = []
generate(world, 4, planted.incident, (_, fields) => texts.push(JSON.stringify(fields)))
const folder = t.testdir({ 'lines.json': `${texts.join('\n')}\n` })
const file = join(folder, 'lines.json')
/** The first login that failed for it. */
const failed = texts.find((text) => text.includes('backend_unauthorized')) ?? ''
const { flowId, requestId, user, time } = JSON.parse(failed) as Record<'flowId' | 'requestId' | 'user' | 'time', string>
const onset = time.slice(0, 16)

t.test('what cannot be asked is refused with what to do', async (t) => {
  t.match(await cli(['explain']), { code: 2, stderr: /name a tenant, or --all/ })
  t.match(await cli(['explain', file]), {
    code: 2,
    stderr: `${JSON.stringify(file)} is no tenant: name a tenant before the files, or --all`,
  })
  const slip = await cli(['explain', 'ada@example.com', file])
  t.match(slip, { code: 2, stderr: /looks like a user: corbado-gateway explain <tenant> --user <user>/ })
  t.notMatch(`${slip.stdout}${slip.stderr}`, /ada/, 'what was typed is not repeated')
  t.match(await cli(['explain', '--all', file, '--flow', flowId]), { code: 2, stderr: /are of one tenant/ })
  t.match(await cli(['explain', 'tenant-0000', file]), {
    code: 1,
    stderr: /no line of "tenant-0000" among \d+ of 8 tenants: did you mean [^?]*\?\n$/,
  })
  t.match(await cli(['explain', tenant, join(folder, 'none')]), { code: 1, stderr: /none cannot be read \(ENOENT\)/ })
  t.match(await cli(['explain', tenant], { isTTY: true }), { code: 1, stderr: /no lines to read: name files/ })
  t.match(await cli(['explain', tenant, file, '--at', 'noon']), { code: 2, stderr: /"noon" is no time: write/ })
  t.match(await cli(['explain', tenant, file, '--user', 'ada@example.com']), {
    code: 2,
    stderr: /^error: TENANT_TABLE is not set: /m,
  })
  t.match(await cli(['explain', '--all']), {
    code: 1,
    stdout: '',
    stderr: /nothing was piped in; for CloudWatch .*--log-group \/aws\/lambda\/corbado-cognito-gateway/,
  })
  t.match(await cli(['explain', tenant, file, '--flow', 'none']), { code: 1, stderr: /has that flow/ })
})

t.test('who pipes nothing in, and nothing ends, is told what is waited for', async (t) => {
  const stdin = new PassThrough()
  const due: (() => void)[] = []
  const clock = {
    ...frozenAt(),
    after(_: number, run: () => void) {
      due.push(run)
      return () => due.splice(due.indexOf(run), 1)
    },
  }
  const ended = cli(['explain', '--all'], { stdin, clock })
  while (due.length === 0) await new Promise(setImmediate)
  due[0]?.()
  stdin.end()
  t.match(await ended, {
    code: 1,
    stderr: /^note: +waiting for lines on standard input; for CloudWatch (.|\n)*nothing was piped in/,
  })
  t.strictSame(due, [], 'no timer keeps the process')
})

t.test('cause, since when, for whom, who acts, and the command, in this order', async (t) => {
  const { code, stdout } = await cli(['explain', tenant, file, '--at', `${onset}Z`])
  t.equal(code, 1, 'something is wrong')
  const wanted = [
    '1. Corbado took the key back.',
    `since     ${onset}:00Z`,
    `whom      ${tenant}: `,
    '(verifySignedData 401): 100 % of',
    'who acts  Corbado',
    `do        corbado-gateway secret set ${tenant}`,
    'sure      high',
    '"reason":"backend_unauthorized"',
  ]
  let at = 0
  for (const text of wanted) {
    const next = stdout.indexOf(text, at)
    t.ok(next >= at, `${text} in ${stdout}`)
    at = next
  }
  t.notMatch(stdout, /^2\. /m, 'and nothing else is blamed')
})

t.test('the page for a night has what a run of it prints', async (t) => {
  const { stdout } = await cli(['explain', tenant, file], { isTTY: true, env: { NO_COLOR: '1' } })
  const shown = stdout.replaceAll(/^ {3}\{"level".*$/gm, '   {"level": … }').trim()
  const page = readFileSync(PAGE, 'utf8')
  const block = /(<!-- run: explain -->\n```text\n)([\s\S]*?)(```)/
  if (process.env.WALK_UPDATE === '1')
    writeFileSync(
      PAGE,
      page.replace(block, (_, before, __, after) => `${before}${shown}\n${after}`),
    )
  else t.equal(block.exec(page)?.[2]?.trim(), shown)
})

t.test('on a terminal no line but those of the log is wider than it', async (t) => {
  const { stdout } = await cli(['explain', tenant, file], { isTTY: true })
  for (const line of stdout.split('\n'))
    t.ok(line.includes('{"level"') || stripVTControlCharacters(line).length <= 80, line)
})

t.test('a pipe says the same as the file, and all tenants the same as the one', async (t) => {
  const { stdout } = await cli(['explain', tenant, file])
  t.equal((await cli(['explain', tenant], { stdin: texts.join('\n') })).stdout, stdout)
  const pool = world.tenants.find(({ tenantId }) => tenantId === tenant)?.userPoolId ?? ''
  t.equal((await cli(['explain', pool, file])).stdout, stdout, 'a pool is its tenant')
  const all = await cli(['explain', '--all', file])
  t.equal(all.stdout.split('\n').slice(1).join('\n'), stdout.split('\n').slice(1).join('\n'))
})

t.test('where nothing differs, or lines are too few, it says that', async (t) => {
  const before = await cli(['explain', tenant, file, '--until', `${onset}Z`])
  t.match(before, { code: 0, stdout: /Nothing differs from the rest of these lines/ })
  t.match(before.stdout, /corbado-gateway doctor tenant-/)
  const failing = texts.filter((text) => text.includes('"reason"') && !text.includes('"verified"')).slice(0, 3)
  const sound = texts.filter((text) => !failing.includes(text) && text < onset).slice(0, 90)
  t.ok(failing.length === 3)
  const some = await cli(['explain', '--all'], { stdin: [...sound, ...failing].join('\n') })
  t.notMatch(some.stdout, /do not reach the gateway/, 'no word of that if lines show failures')
  t.match(some.stdout, /What failed in them: \d+ of \d+ \S+ with \w+ \(/)
  const few = await cli(['explain', '--all'], { stdin: texts.slice(0, 10).join('\n') })
  t.match(few, { code: 0, stdout: /Too few lines to tell anything. Run: corbado-gateway doctor --all/ })
  const quiet = await cli(['explain', tenant, file, '--since', '2030-01-01'])
  t.match(quiet, { code: 1, stderr: /none is of the time that was asked for: read from 20\d\d-\S+Z$/m })
})

t.test('the time that was understood is said with its zone', async (t) => {
  const { stdout } = await cli(['explain', tenant, file, '--at', `${onset}+09:00`])
  t.match(stdout, /Nothing was found at about that time; \d+ findings? of other times (is|are) told without --at/)
  const [near = ''] = stdout.split('\n')
  const understood = new Date(Date.parse(`${onset}+09:00`)).toISOString().slice(0, 19)
  t.ok(near?.endsWith(`; asked for: around ${understood}Z, and no line is of about that time`), near)
  const until = `${onset}Z`
  const [head = ''] = (
    await cli(['explain', tenant, file, '--since', '2026-01-01T00:00Z', '--until', until])
  ).stdout.split('\n')
  t.ok(head?.endsWith(`; asked for: read from 2026-01-01T00:00:00Z to ${onset}:00Z`), head)
})

t.test('of a tenant without a line since its last failed, that is said; it may not be so any more', async (t) => {
  const sound = texts.filter((text) => !text.includes(`"${tenant}"`) && !text.includes('"level":"error"'))
  const stdin = [...sound, failed].join('\n')
  const { stdout } = await cli(['explain', tenant], { stdin })
  t.match(stdout, new RegExp(`its last line of this step failed, at ${time.slice(0, 19)}Z; none since$`, 'm'))
  t.notMatch(stdout, /still so/)
})

t.test('a fault that nothing is known of before is told with cause, owner and command all the same', async (t) => {
  const verifies = texts.filter((text) => text.includes('backend_unauthorized')).slice(0, 9)
  const sound = texts.filter((text) => !text.includes(`"${tenant}"`) && !text.includes('"level":"error"')).slice(0, 60)
  const stdin = [...sound, ...verifies].join('\n')
  for (const whose of [tenant, '--all']) {
    const { code, stdout } = await cli(['explain', whose], { stdin })
    t.equal(code, 1)
    t.match(stdout, /^1\. 401 or 403: the credential is wrong/m)
    t.match(stdout, /backend_unauthorized \(verifySignedData 401\): 9 of 9, what was before is not in these lines$/m)
    t.match(stdout, /^ {3}who acts {2}operator$/m)
    t.ok(stdout.includes(`   do        corbado-gateway secret set ${tenant}\n`), stdout)
    t.notMatch(stdout, /Nothing differs|Too few/)
  }
  const answer = JSON.parse((await cli(['explain', tenant, '--json'], { stdin })).stdout)
  t.match(answer, { causes: [{ reason: 'backend_unauthorized', baseline: 'unknown' }], failed: [{ lines: 9, of: 9 }] })
  const one = await cli(['explain', tenant], { stdin: verifies[0] ?? '' })
  t.match(one, { code: 1, stdout: /1 of 1[\s\S]*sure {6}low/ }, 'one line of one is told, and how sure it is')
})

t.test('at the end too no line is wider than the terminal', async (t) => {
  const { stdout } = await cli(['explain', tenant, file, '--until', `${onset}Z`], { isTTY: true })
  for (const line of stdout.split('\n')) t.ok(stripVTControlCharacters(line).length <= 80, line)
})

t.test('the help says that lines are those of CloudWatch without files', async (t) => {
  const { stdout } = await cli(['explain', '--help'])
  t.match(stdout, /Without files, on a terminal, they are those\s+of CloudWatch/)
  t.match(stdout, /explain acme-shop --at 02:10$/m)
})

t.test('lines of years are refused with what to name, and cost no memory', async (t) => {
  const far = [texts[0] ?? '', (texts[1] ?? '').replace('"time":"2026', '"time":"9026')].join('\n')
  t.match(await cli(['explain', '--all'], { stdin: far }), {
    code: 1,
    stderr: /name at most 35 with --since and --until/,
  })
})

t.test('one login is a line a step, from the pre-login to where it ended, with cause and owner', async (t) => {
  const byFlow = await cli(['explain', tenant, file, '--flow', flowId])
  t.equal(byFlow.code, 1)
  const steps = byFlow.stdout.split('\n').filter((line) => line.startsWith('+'))
  t.match(steps[0], /^\+0\.0 s +pre-login +found/)
  t.match(steps[1], /define-auth-challenge +challenge/, 'the define that comes before the flow')
  t.match(steps[3], /verify-auth-challenge-response +incorrect backend_unauthorized .*corbado \d+ ms/)
  t.match(byFlow.stdout, /^backend_unauthorized: 401 or 403/m)
  t.match(byFlow.stdout, /^who acts: operator$/m)
  t.equal((await cli(['explain', tenant, file, '--ref', requestId])).stdout, byFlow.stdout)
  t.ok((await cli(['explain', tenant, file, '--user', user])).stdout.includes(byFlow.stdout.split('\n')[0] ?? '?'))
})

t.test('a login that succeeded is told as such', async (t) => {
  const tokens =
    texts.find((text) => text.includes('"outcome":"tokens"') && text.includes(`"tenantId":"${tenant}"`)) ?? ''
  const run = await cli(['explain', tenant, file, '--flow', (JSON.parse(tokens) as { flowId: string }).flowId])
  t.match(run, { code: 0, stdout: /^The user is signed in\.$/m })
})

t.test('nothing that stands in a line is obeyed by a terminal', async (t) => {
  const evil = texts.map((text) => text.replace(tenant, `${tenant}\\u001b[2J`))
  const { stdout } = await cli(['explain', '--all'], { isTTY: true, stdin: '', env: { NO_COLOR: '1' } })
  t.notOk(stdout.includes('\u001b'))
  const shown = await cli(['explain', '--all'], { stdin: evil.join('\n') })
  t.notOk(shown.stdout.includes('\u001b'))
})

t.test('a copy of what was piped in is gone when the command ends', async (t) => {
  const temp = t.testdir({})
  const before = process.env.TMPDIR
  process.env.TMPDIR = temp
  t.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  await cli(['explain', '--all'], { stdin: texts.slice(0, 100).join('\n') })
  writeFileSync(join(temp, 'mine'), '')
  t.strictSame(readdirSync(temp), ['mine'])
  rmSync(join(temp, 'mine'))
})
