/** Opens the report as a person does: in a browser, narrow and wide, light and dark, by keyboard, and as a printout. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { cli } from '../commands/fixtures/cli.js'
import { KINDS } from '../fixtures/oncall/incidents.js'
import { createRandom } from '../fixtures/oncall/random.js'
import { createWorld, generate } from '../fixtures/oncall/traffic.js'
import { openBrowser } from './fixtures/chromium.js'

const random = createRandom(3)
const world = createWorld(random, 30, 300)
const planted = ['key revoked by Corbado', 'Corbado slow'].map((kind) =>
  (KINDS[kind] as (typeof KINDS)[string])(world, random),
)
const texts: string[] = []
const incident = {
  effect: (...of: Parameters<NonNullable<(typeof planted)[number]['incident']['effect']>>) =>
    planted.map(({ incident }) => incident.effect?.(...of)).find((effect) => effect !== undefined),
}
generate(world, 4, incident, (_, fields) => texts.push(JSON.stringify(fields)))
const folder = t.testdir({ 'lines.json': `${texts.join('\n')}\n` })
const file = join(folder, 'report.html')
const { code } = await cli(['report', join(folder, 'lines.json'), '--out', file])
t.equal(code, 0)

/** Runs in the page, for which there are no types here. */
const measure = `({
  over: [...document.querySelectorAll('body *')].filter((one) => !one.closest('.wide, svg, .skip') && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80)),
  width: document.documentElement.scrollWidth - innerWidth,
  back: getComputedStyle(document.body).backgroundColor,
  text: getComputedStyle(document.body).color,
  chart: document.querySelector('svg.chart').getBoundingClientRect().width,
  small: [...document.querySelectorAll('svg.chart text')].some((one) => one.getBoundingClientRect().height < 10),
})`

interface Measured {
  readonly over: readonly string[]
  readonly width: number
  readonly back: string
  readonly text: string
  readonly chart: number
  readonly small: boolean
}

const browser = await openBrowser(t)

/** Opens a page, and tells all that it asked for and complained of. */
async function open(path: string, options: { width: number; scheme: 'light' | 'dark' }) {
  const page = await browser.newPage({
    viewport: { width: options.width, height: 900 },
    colorScheme: options.scheme,
  })
  const said: string[] = []
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => said.push(String(error)))
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(pathToFileURL(path).href, { waitUntil: 'load' })
  return { page, said, asked }
}

for (const width of [400, 1_400])
  for (const scheme of ['light', 'dark'] as const)
    t.test(`at ${width} px and ${scheme}: asks for nothing, complains of nothing, and fits`, async (t) => {
      const { page, said, asked } = await open(file, { width, scheme })
      const { over, width: wider, back, text, chart, small } = (await page.evaluate(measure)) as Measured
      t.strictSame(asked, [pathToFileURL(file).href])
      t.strictSame(said, [])
      t.ok(wider <= 0, `${wider} px wider than the window`)
      t.strictSame(over, [])
      t.ok(chart > 0.75 * Math.min(width, 1_152), 'the chart takes the width')
      t.notOk(small, 'and its letters stay as large as they are')
      const light = (color: string) => Number(/\d+/.exec(color)?.[0]) > 127
      t.equal(light(back), scheme === 'light')
      t.equal(light(text), scheme === 'dark')
      await page.close()
    })

t.test(
  'each table that is wider than a narrow page scrolls to its end, with a shadow at the edge until then',
  async (t) => {
    const { page } = await open(file, { width: 400, scheme: 'light' })
    const look = `[...document.querySelectorAll('.wide')].map((one) => {
    const cut = one.scrollWidth > one.clientWidth
    one.scrollLeft = one.scrollWidth
    const right = one.querySelector('tr').lastElementChild.getBoundingClientRect().right
    return { name: one.ariaLabel, cut, end: right <= one.getBoundingClientRect().right + 1, shadows: getComputedStyle(one).backgroundAttachment }
  })`
    const tables = (await page.evaluate(look)) as { name: string; cut: boolean; end: boolean; shadows: string }[]
    for (const name of ['When the state of tenants changed', 'Why lines ended as they did, most first'])
      t.match(
        tables.find((one) => one.name === name),
        { cut: true, end: true },
        name,
      )
    for (const { name, end, shadows } of tables) {
      t.ok(end, name)
      t.equal(shadows, 'local, local, scroll, scroll', name)
    }
    await page.close()
  },
)

t.test('by keyboard: the first key skips to the figures, and each wide table scrolls', async (t) => {
  const { page } = await open(file, { width: 400, scheme: 'light' })
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate('document.activeElement.className'), 'skip')
  await page.keyboard.press('Enter')
  t.equal(await page.evaluate('location.hash'), '#logins')
  await page.evaluate(`document.querySelector('[aria-label="Most faults first"]').focus()`)
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  // The page's policy lets nothing be evaluated in it, as Playwright's own waiting would.
  while (!(await page.evaluate('document.activeElement.scrollLeft > 0'))) await sleep(20)
  await page.close()
})

t.test('as a printout it is dark on light, whatever the screen has, and nothing is cut off', async (t) => {
  const { page, said } = await open(file, { width: 700, scheme: 'dark' })
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  const { back, width } = (await page.evaluate(measure)) as Measured
  t.equal(back, 'rgb(255, 255, 255)')
  t.ok(width <= 0)
  const cut = `[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.ariaLabel)`
  t.strictSame(await page.evaluate(cut), [])
  t.ok((await page.pdf({ format: 'A4' })).length > 10_000)
  t.strictSame(said, [])
  await page.close()
})

t.test('what the policy does not let in is seen by this test', async (t) => {
  const bad = join(folder, 'bad.html')
  const html = readFileSync(file, 'utf8')
  writeFileSync(
    bad,
    html.replace(
      '</main>',
      '<img src="http://127.0.0.1:9/x.png"><script>alert(1)</script><p style="color:red">x</p></main>',
    ),
  )
  const { said, page } = await open(bad, { width: 400, scheme: 'light' })
  t.ok(said.filter((text) => /Content Security Policy/.test(text)).length >= 3, said.join('\n'))
  await page.close()
})
