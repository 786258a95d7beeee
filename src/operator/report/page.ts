import { createHash } from 'node:crypto'
import { GATEWAY_VERSION } from '../../env.js'
import { rowOf } from '../../reasons.js'
import { counted } from '../../terminal/text.js'
import { isShare, percent } from '../causes/words.js'
import { spanText, timeText } from '../lines/when.js'
import { loginChart, spark } from './chart.js'
import type { Incident, ReportFacts } from './facts.js'
import { grouped, html, type Markup, prose, table, verbatim } from './markup.js'
import { STYLE } from './style.js'

/** Nothing is loaded, sent or run: the page has no script, and its one style is known by its hash. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const SECTIONS = [
  ['logins', 'Logins', logins],
  ['incidents', 'Incidents', incidents],
  ['health', 'Health changes', health],
  ['changes', 'Changes', changes],
  ['reasons', 'Reasons', reasons],
  ['dependencies', 'Dependencies', dependencies],
  ['silent', 'Silent tenants', silent],
  ['tenants', 'Tenants', tenants],
  ['figures', 'Figures of the chart', figures],
] as const satisfies readonly (readonly [id: string, name: string, make: (facts: ReportFacts) => Markup])[]

/** The report as one page of HTML that asks for nothing. */
export function reportPage(facts: ReportFacts): string {
  const { from, to, tenant, made } = facts
  const whose = tenant ?? 'all tenants'
  const title = `Passkey logins of ${whose}, ${timeText(from)} to ${timeText(to)}`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${verbatim(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${verbatim(STYLE)}</style>
</head>
<body>
<a class="skip" href="#logins">To the figures</a>
<header>
<h1>${`Passkey logins of ${whose}`}</h1>
<p>${`From ${timeText(from)} to ${timeText(to)}, ${spanText(to - from)}. All times are UTC.`}</p>
<p class="dim">${`Made ${timeText(made)} by version ${GATEWAY_VERSION} from ${grouped(facts.lines)} lines${tenant === undefined ? ` of ${counted(facts.tenants, 'tenant')}` : ''}; ${grouped(facts.others)} others left out. No user is in it, and no pseudonym.`}</p>
</header>
<nav aria-label="Sections"><ul>${SECTIONS.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
<main>
${SECTIONS.map(
  ([id, name, make]) => html`<section aria-labelledby="${id}"><h2 id="${id}">${name}</h2>
${make(facts)}</section>
`,
)}</main>
</body>
</html>
`.markup
}

/** In a table; the head of the page has the year, and the zone. */
const shortTime = (at: number) => timeText(at).slice(5, 16).replace('T', ' ')
const share = (part: number, whole: number) => (whole === 0 ? '–' : percent(Math.min(1, part / whole)))
const left = (count: number, noun: string) =>
  count === 0
    ? undefined
    : html`<p>${`${counted(count, noun)} left out.`}</p>
`

function logins(facts: ReportFacts): Markup {
  const { begun, tokens, broken } = facts.total
  const figures: [name: string, value: string | number][] = [
    ['logins begun', grouped(begun)],
    ['signed in', grouped(tokens)],
    ['of those begun', share(tokens, begun)],
    ['lines of faults', grouped(broken)],
    ['incidents', facts.incidents.length + facts.incidentsLeft],
    ['silent tenants', facts.silent.length + facts.silentLeft],
  ]
  return html`<dl class="figures">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${loginChart(facts)}<p class="key dim">${[
    ['begun', 'begun'],
    ['tokens', 'signed in'],
    ['incident', 'incident'],
    ['band', facts.tenant === undefined ? 'while one of all tenants lasted' : 'while one lasted'],
  ].map(
    ([name, text]) =>
      html`<span><svg width="12" height="12" aria-hidden="true"><rect class="${name}" width="12" height="12"/></svg>${text}</span>`,
  )}${[
    ['share', 'share signed in'],
    ['config', 'config'],
    ['secret', 'secret'],
    ['release', 'release'],
  ].map(
    ([name, text]) =>
      html`<span><svg width="16" height="12" aria-hidden="true"><line class="${name}" x1="0" x2="16" y1="6" y2="6"/></svg>${text}</span>`,
  )}</p>
<p class="dim">A login begins with its first challenge, or where it broke before. Who leaves the passkey's dialog has begun and is not signed in.</p>
`
}

function incidents({ incidents, incidentsLeft }: ReportFacts): Markup {
  if (incidents.length === 0)
    return html`<p>Nothing differs from the rest of these lines.</p>
`
  return html`${incidents.map(incidentText)}${left(incidentsLeft, 'further finding')}`
}

const untilText = ({ from, to, ongoing }: Incident) =>
  ongoing ? `still so at the end, ${spanText(to - from)} later` : `until ${timeText(to)}, ${spanText(to - from)}`

function incidentText(incident: Incident): Markup {
  const { number, from, diagnosis, what, whom } = incident
  const { finding, evidence, cause, owner, fix, changes, alike, confidence } = diagnosis
  const { inside, outside, lost, folded } = finding
  const counts = isShare(finding)
    ? `${what}: ${share(inside.k, inside.n)} of ${inside.n}, before and after ${share(outside.k, outside.n)}`
    : `${what}: ${inside.k} came, ${Math.round((inside.n * outside.k) / Math.max(1, outside.n))} would have`
  const facts: [string, string | undefined][] = [
    ['since', `${timeText(from)}, ${untilText(incident)}`],
    ['whom', `${whom}: ${counted(lost, 'line')}${evidence.users > 0 ? `, ${counted(evidence.users, 'user')}` : ''}`],
    ['lines', counts],
    ['who acts', owner],
    ['do', fix],
    ['changed', changes.map(({ what, version, at }) => `${what} ${version} at ${timeText(at)}`).join(', ')],
    ['follows', counted(folded.length, 'finding')],
    ...alike.map(({ what, tell }): [string, string] => ['perhaps', `${what}: ${tell}`]),
    ['sure', confidence],
  ]
  const said = facts.filter(([name, text]) => text && !(name === 'follows' && folded.length === 0))
  return html`<div class="incident-text"><h3 id="incident-${number}">${number}. ${prose(cause)}</h3>
<dl class="facts">${said.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl></div>
`
}

function health({ health }: ReportFacts): Markup {
  if (health.length === 0)
    return html`<p>None.</p>
`
  const rows = health.map(({ at, to, whom, incident }) => [
    shortTime(at),
    html`<span${to === 'recovered' ? undefined : verbatim(' class="bad"')}>${to}</span>`,
    html`<a href="#incident-${incident}">${incident}</a>`,
    whom,
  ])
  return table('When the state of tenants changed', ['time', 'to', 'incident', 'whom~'], rows)
}

function changes({ changes, changesLeft }: ReportFacts): Markup {
  if (changes.length === 0)
    return html`<p>No new config, secret or release was seen.</p>
`
  const rows = changes.map(({ at, what, version, tenant }) => [shortTime(at), what, version, tenant ?? 'all'])
  return html`${table('First line with a new version, latest first', ['time', 'what', 'version', 'tenant'], rows)}${left(changesLeft, 'earlier change')}`
}

function reasons({ reasons }: ReportFacts): Markup {
  if (reasons.length === 0)
    return html`<p>None.</p>
`
  const rows = reasons.map(({ reason, owner, lines, tenants, columns }) => [
    reason,
    owner,
    lines,
    tenants,
    spark(columns),
    prose(rowOf(reason).means),
  ])
  const names = ['reason', 'of', 'lines#', 'tenants#', 'over time', 'means~']
  return table('Why lines ended as they did, most first', names, rows)
}

function dependencies({ dependencies }: ReportFacts): Markup {
  const rows = dependencies.map(({ name, calls, p50, p95, p99, maxMs }) => [name, calls, p50, p95, p99, maxMs])
  const names = ['dependency', 'calls#', 'half#', '95 %#', '99 %#', 'slowest#']
  return table('Milliseconds within which calls were answered, slowest first; to a tenth', names, rows)
}

function silent({ silent, silentLeft, to }: ReportFacts): Markup {
  if (silent.length === 0)
    return html`<p>None of which thirty lines would have come since its last.</p>
`
  const rows = silent.map(({ tenant, last, expected }) => [tenant, shortTime(last), spanText(to - last), expected])
  return html`${table('No line at the end, though thirty or more would have come', ['tenant', 'last line', 'for', 'expected#'], rows)}${left(silentLeft, 'tenant')}`
}

function tenants({ worst, worstLeft }: ReportFacts): Markup {
  const rows = worst.map(({ tenant, begun, tokens, broken, last }) => {
    return [tenant || 'none named', begun, tokens, share(tokens, begun), broken, shortTime(last)]
  })
  const names = ['tenant', 'begun#', 'signed in#', 'share#', 'faults#', 'last line']
  return html`${table('Most faults first', names, rows)}${left(worstLeft, 'tenant with fewer')}`
}

function figures({ columns, columnMs, incidents }: ReportFacts): Markup {
  const rows = columns.map(({ at, begun, tokens, broken }) => [
    shortTime(at),
    begun,
    tokens,
    share(tokens, begun),
    broken,
    incidents
      .filter(({ from, to }) => from < at + columnMs && to > at)
      .map(({ number }) => number)
      .join(', '),
  ])
  const names = ['from', 'begun#', 'signed in#', 'share#', 'faults#', 'incidents']
  return table(`Logins in each ${spanText(columnMs)}`, names, rows)
}
