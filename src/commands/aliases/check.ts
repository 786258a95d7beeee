import type { Command } from 'commander'
import { withAliases } from '../../operator/aliases/place.js'
import { surveyAliases } from '../../operator/aliases/survey.js'
import { aliasTenantsOf, unreadableTenantsOf } from '../../operator/aliases/tenants.js'
import { fetchRecords } from '../../operator/records/find.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, createPaint, type Paint, writeJson } from '../../terminal/io.js'
import { type AliasFinding, checkAliases } from './findings.js'

/** `aliases check`: exit code 1 where it finds something. Reads only. */
export function aliasesCheckCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases check',
    summary: "Finds what the table and the aliases' policies disagree on, and says what mends it.",
    examples: ['corbado-gateway aliases check', 'corbado-gateway aliases check --json'],
  })
    .option('--json', 'print { pools, aliases, findings: [{ kind, alias, what, fix }] }')
    .action(({ json = false }: { json?: boolean }) =>
      withAliases(io, async ({ upstreams, region, functionArn, actionsAlias }) => {
        const records = await fetchRecords(upstreams)
        const tenants = aliasTenantsOf(records, region)
        const unreadable = unreadableTenantsOf(records)
        const aliases = await surveyAliases(upstreams.aliases, functionArn)
        const findings = checkAliases({ tenants, unreadable, aliases, actionsAlias })
        if (findings.length > 0) io.foundProblems()
        const counts = { pools: tenants.length, aliases: aliases.length }
        if (json) writeJson(io.stdout, { ...counts, findings })
        else io.stdout.write(checkText(counts, findings, createPaint(io.stdout, io.env)))
      }),
    )
}

function checkText(
  counts: { pools: number; aliases: number },
  findings: readonly AliasFinding[],
  paint: Paint,
): string {
  const lines = findings.map(
    ({ kind, alias, what, fix }) => `${paint('red', kind)}  ${alias}: ${what}\n  ${paint('dim', 'mend:')} ${fix}\n`,
  )
  const count = findings.length === 0 ? 'nothing to mend' : `${findings.length} to mend`
  const checked = `${counted(counts.pools, 'tenant')} and ${counted(counts.aliases, 'alias')} checked`
  return `${lines.join('')}${checked}: ${count}\n`
}

function counted(count: number, noun: 'tenant' | 'alias'): string {
  const plural = noun === 'alias' ? 'aliases' : 'tenants'
  return `${count} ${count === 1 ? noun : plural}`
}
