import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

/** What may be used, shipped and changed without giving anything back; CC-BY and CC0 are of lists of licence names. */
const PERMISSIVE = new Set([
  ...['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', 'Unlicense'],
  ...['CC0-1.0', 'CC-BY-3.0'],
])
/**
 * Its files stay under its licence, and their changes, if there were any, would be given back; nothing else is asked of what
 * uses them. Only tests load it.
 */
const FILE_BY_FILE = new Set(['node_modules/axe-core: MPL-2.0'])
/** Packages whose package.json does not say: the file that does. */
const SAID_ELSEWHERE = new Map([['node_modules/jsonc-simple-parser', 'license']])

interface Package {
  readonly license?: string | { readonly type?: string }
}

const read = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8'))

/** Is one of the licences that may be chosen permissive? Of those that hold together, all must be. */
function isPermissive(license: string): boolean {
  return license
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((one) => PERMISSIVE.has(one)))
}

/** As the installed package says; one for another platform is not installed, and the lock file says it. */
function licenseOf(path: string, locked: Package): string {
  const file = SAID_ELSEWHERE.get(path)
  if (file) return /^The MIT License/.test(readFileSync(`${path}/${file}`, 'utf8')) ? 'MIT' : 'unknown'
  const manifest = `${path}/package.json`
  const { license } = existsSync(manifest) ? read<Package>(manifest) : locked
  return (typeof license === 'object' ? license.type : license) ?? 'none'
}

for (const folder of ['', 'infra/']) {
  t.test(`every package of ${folder}package-lock.json is under a permissive licence, those of tests too`, async (t) => {
    const { packages } = read<{ packages: Record<string, Package> }>(`${folder}package-lock.json`)
    const found = Object.entries(packages).filter(([path]) => path !== '')
    t.ok(found.length > 50)
    const licences = found.map(([path, locked]) => `${path}: ${licenseOf(`${folder}${path}`, locked)}`)
    t.strictSame(
      licences.filter((line) => !FILE_BY_FILE.has(line) && !isPermissive(line.slice(line.indexOf(': ') + 2))),
      [],
    )
  })
}

t.test('a licence that asks for the source of what uses it is not permissive', async (t) => {
  for (const license of ['GPL-3.0-only', 'AGPL-3.0-or-later', 'MIT AND GPL-2.0', 'SEE LICENSE IN LICENSE', 'none']) {
    t.notOk(isPermissive(license), license)
  }
  t.ok(isPermissive('(MIT OR GPL-3.0-or-later)'), 'MIT is chosen')
})
