/**
 * Scores the analysis of `explain`: incidents are planted in generated lines, and what it says first is compared with what is
 * true. Then a million lines are read from a file, and counted in CloudWatch's stand-in.
 *
 *     npm run bench:oncall                    20 seeds, ten minutes
 *     npm run bench:oncall -- --seeds 2       fewer
 *     npm run bench:oncall -- --seeds 0       no incidents: only how fast lines are read
 *     npm run bench:oncall -- --write         puts the figures into infra/ON-CALL.md
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { LOG_GROUP, onCall } from '../../../src/local/accounts.js'
import { startStack } from '../../../src/local/stack.js'
import { HARMLESS, KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { blame, type Judged, judge } from '../../fixtures/oncall/score.js'
import { createWorld, generate, MINUTE_MS, START } from '../../fixtures/oncall/traffic.js'

const PAGE = 'infra/ON-CALL.md'
/** The seeds with which the rules were made were multiples of another number. */
const SEED = 15_485_863

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '20' }, write: { type: 'boolean' } } })
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => SEED + index * 7_907)

const share = (some: readonly unknown[], all: readonly unknown[]) =>
  all.length === 0 ? '-' : `${((100 * some.length) / all.length).toFixed(1)} % of ${all.length}`

function rowsOf(
  judged: readonly Judged[],
  blamed: readonly (readonly string[])[],
  clean: readonly (readonly string[])[],
): string[][] {
  const loud = judged.filter(({ silent }) => !silent)
  const silent = judged.filter((one) => one.silent)
  const odd = judged.filter(({ oddRight }) => oddRight !== undefined)
  return [
    [
      'first cause right, of incidents that write lines',
      share(
        loud.filter(({ right }) => right),
        loud,
      ),
      '≥ 95 %',
    ],
    [
      'first cause right, of lines that are missing',
      share(
        silent.filter(({ right }) => right),
        silent,
      ),
      '≥ 90 %',
    ],
    [
      'owner right',
      share(
        judged.filter(({ ownerRight }) => ownerRight),
        judged,
      ),
      'as the cause',
    ],
    [
      'onset within 2 minutes',
      share(
        judged.filter(({ onsetRight }) => onsetRight),
        judged,
      ),
      '≥ 90 %',
    ],
    [
      'odd field right, where there is one',
      share(
        odd.filter(({ oddRight }) => oddRight),
        odd,
      ),
      '≥ 90 %',
    ],
    [
      'clean sets with a cause',
      share(
        clean.filter(({ length }) => length > 0),
        clean,
      ),
      '0',
    ],
    [
      'harmless changes blamed',
      share(
        blamed.filter(({ length }) => length > 0),
        blamed,
      ),
      '≤ 2 %',
    ],
  ]
}

/** A day of 500 tenants, of whom one has an incident, in so many millions of lines; how many they are, and the tenant. */
function dayOfLines(millions: number, take: (at: number, line: string) => void): { count: number; tenant: string } {
  const random = createRandom(SEED)
  const world = createWorld(random, 500, 1_440)
  const planted = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
  let count = 0
  // A fifth of the usual logins makes a million lines a day.
  const incident = { ...planted.incident, traffic: () => 0.19 * millions }
  generate(world, SEED + 1, incident, (at, fields) => {
    if (count >= millions * 1_000_000) return
    count += 1
    take(at, JSON.stringify(fields))
  })
  return { count, tenant: planted.tenant ?? '' }
}

/**
 * Asks for the causes of a tenant's incident over a day of such lines in CloudWatch's stand-in, with AWS's quotas. Its counting,
 * which takes this process's time, is told apart.
 */
async function measureCloudWatch(): Promise<string[][]> {
  const stack = await startStack()
  const lines: { at: number; message: string }[] = []
  const { count, tenant } = dayOfLines(1, (at, message) => lines.push({ at, message }))
  lines.sort((a, b) => a.at - b.at)
  for (let i = 0; i < lines.length; i += 10_000) stack.cloudwatch.put(LOG_GROUP, lines.slice(i, i + 10_000))
  const day = ['--since', new Date(START).toISOString(), '--until', new Date(START + 1_440 * MINUTE_MS).toISOString()]
  const started = performance.now()
  const before = process.cpuUsage()
  const env = { PATH: process.env.PATH, ...stack.envFor(onCall) }
  const child = spawn(process.execPath, ['dist/cli.mjs', 'explain', tenant, '--log-group', LOG_GROUP, ...day], { env })
  const [said, wrong] = await Promise.all([text(child.stdout), text(child.stderr)])
  const seconds = (performance.now() - started) / 1_000
  const counting = process.cpuUsage(before).user / 1e6
  const queries = stack.cloudwatch.calls.filter(({ operation }) => operation === 'StartQuery').length
  await stack.stop()
  if (!said.includes('secret')) throw new Error(`${said}\n${wrong}`)
  return [
    [
      `\`explain\` of a tenant over ${count} lines in CloudWatch's stand-in`,
      `${queries} queries, ${(seconds - counting).toFixed(1)} s and ${counting.toFixed(1)} s of the stand-in's counting`,
      '≤ 10 queries, ≤ 15 s',
    ],
  ]
}

/** Writes such a day as a file, a line after the other. */
function writeDay(file: string, millions: number): number {
  const out = openSync(file, 'w')
  let text = ''
  const { count } = dayOfLines(millions, (_, line) => {
    text += `${line}\n`
    if (text.length < 1_000_000) return
    writeSync(out, text)
    text = ''
  })
  writeSync(out, text)
  closeSync(out)
  return count
}

/** Milliseconds until `logs` shows the first line of a file. */
async function firstLineMs(file: string): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, ['dist/cli.mjs', 'logs', file, '--last', '0'])
  await once(child.stdout, 'data')
  const ms = performance.now() - started
  child.kill('SIGKILL')
  return ms
}

/** Reads a million lines of many tenants, and five million, with the built program, and by nothing but a parser. */
async function measureSpeed(): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'on-call-'))
  try {
    const file = join(folder, 'lines.json')
    const count = writeDay(file, 1)
    const parse = `let rest='';const s=require('fs').createReadStream(process.argv[1],{encoding:'utf8',highWaterMark:262144});s.on('data',(d)=>{const p=(rest+d).split('\\n');rest=p.pop();for(const l of p)JSON.parse(l)})`
    const bare = timed(['-e', parse, file])
    const explain = timed(['dist/cli.mjs', 'explain', '--all', file])
    const first = await firstLineMs(file)
    const bytes = `${(statSync(file).size / 1e6).toFixed(0)} MB`
    const more = writeDay(file, 5)
    const memory = timed(['dist/cli.mjs', 'explain', '--all', file]).mb / explain.mb
    return [
      [
        `\`explain\` of ${count} lines (${bytes}) in a file`,
        `${explain.seconds.toFixed(1)} s, ${explain.mb.toFixed(0)} MB`,
        '≤ 20 s, ≤ 250 MB',
      ],
      ['that, to reading and parsing alone', (explain.seconds / bare.seconds).toFixed(1), '≤ 5'],
      [`its memory for ${more} lines, to that`, memory.toFixed(2), 'flat'],
      ['first line of `logs` of that file', `${first.toFixed(0)} ms`, '≤ 1 s'],
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs Node; the time it took, and the most memory that it held. */
function timed(args: readonly string[]): { seconds: number; mb: number } {
  const told = `process.on('exit',()=>require('fs').writeSync(2,/VmHWM.*/.exec(require('fs').readFileSync('/proc/self/status','utf8'))[0]+'\\n'))`
  const started = performance.now()
  const preload = join(mkdtempSync(join(tmpdir(), 'on-call-')), 'told.cjs')
  writeFileSync(preload, told)
  const { stderr } = spawnSync(process.execPath, ['--require', preload, ...args], { encoding: 'utf8', maxBuffer: 1e9 })
  return { seconds: (performance.now() - started) / 1_000, mb: Number(/VmHWM:\s+(\d+)/.exec(stderr)?.[1]) / 1_024 }
}

// Node 20 still runs everything; the SDK's notice would be in the way of the figures.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
const judged: Judged[] = []
for (const kind of Object.keys(KINDS)) {
  const some = seeds.map((seed) => judge(kind, seed))
  judged.push(...some)
  const wrong = some.filter(({ right, ownerRight }) => !right || !ownerRight)
  console.log(`${kind}: ${some.length - wrong.length} of ${some.length}`)
  for (const { seed, said } of wrong) console.log(`  seed ${seed} said: ${said.slice(0, 200) || 'nothing'}`)
}
const blames = Object.keys(HARMLESS).map((kind) => ({ kind, said: seeds.map((seed) => blame(kind, seed)) }))
for (const { kind, said } of blames)
  for (const one of said.filter(({ length }) => length > 0))
    console.log(`${kind}: blamed ${one.join(' | ').slice(0, 200)}`)
const clean = blames.filter(({ kind }) => kind === 'nothing').flatMap(({ said }) => said)
const changes = blames.filter(({ kind }) => kind !== 'nothing').flatMap(({ said }) => said)
const speed = [...(await measureSpeed()), ...(await measureCloudWatch())]
const scores = seeds.length > 0 ? rowsOf(judged, changes, clean) : []
const toLines = (rows: readonly (readonly string[])[]) => rows.map((row) => `| ${row.join(' | ')} |\n`).join('')
const head = '| what | measured | reach |\n|---|---|---|\n'
console.log(`\n${head}${toLines(scores)}${toLines(speed)}`)
if (values.write) {
  const page = readFileSync(PAGE, 'utf8')
  const marks = /(<!-- bench: on-call -->\n)([\s\S]*?)(<!-- \/bench -->)/
  const [, from = '', before = '', to = ''] = marks.exec(page) ?? []
  if (from === '') throw new Error(`${PAGE} has no marks for the figures`)
  // Without incidents, their rows stay: the first seven.
  const kept = before.split('\n').slice(2, 9).join('\n')
  const scored = scores.length > 0 ? toLines(scores) : `${kept}\n`
  writeFileSync(
    PAGE,
    page.replace(marks, () => `${from}${head}${scored}${toLines(speed)}${to}`),
  )
}
