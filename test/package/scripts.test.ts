import { readFileSync } from 'node:fs'
import t from 'tap'

/** Words that a shell of Windows does not have, or reads otherwise. */
const FOREIGN = /(^|&& *)(rm|exec|cp|mv|mkdir|export|env|[A-Z_]+=\S*) |'|\$[A-Z({]|;/

/** What stands in double quotes is one word in every shell. */
const unquoted = (script: string) => script.replaceAll(/"[^"]*"/g, '""')

t.test('a script that only a POSIX shell can run is found', async (t) => {
  for (const script of [
    'rm -rf dist && node a.mjs',
    'node a.mjs && exec node b.mjs',
    'UPDATE=1 node a.mjs',
    "echo 'Building ...'",
    'node a.mjs $HOME',
    'node a.mjs; node b.mjs',
  ]) {
    t.match(unquoted(script), FOREIGN)
  }
  t.notMatch(unquoted('node -e "rm(\'x\'); y()" && node b.mjs > c.json'), FOREIGN)
})

for (const path of ['package.json', 'infra/package.json']) {
  t.test(`every script of ${path} runs in the shells of Windows too`, async (t) => {
    const { scripts } = JSON.parse(readFileSync(path, 'utf8')) as { scripts: Record<string, string> }
    t.ok(Object.keys(scripts).length > 5)
    for (const [name, script] of Object.entries(scripts)) t.notMatch(unquoted(script), FOREIGN, name)
  })
}
