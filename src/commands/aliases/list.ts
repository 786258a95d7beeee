import type { Command } from 'commander'
import { withAliases } from '../../operator/aliases/place.js'
import { POLICY_BYTES_MAX } from '../../operator/aliases/policy.js'
import { type SurveyedAlias, surveyAliases } from '../../operator/aliases/survey.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { placeText } from '../../operator/place.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, createPaint, type Paint } from '../../terminal/io.js'

/** `aliases list`: what there is, and how much room is left. */
export function aliasesListCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases list',
    summary: 'Lists the aliases of the gateway: pools let in, bytes of the policy used and left.',
    examples: ['corbado-gateway aliases list', 'corbado-gateway aliases list --json'],
  })
    .option('--json', 'print { kind: "aliases", aliases }')
    .action(({ json = false }: { json?: boolean }) =>
      withAliases(io, async (place) => {
        const surveyed = await surveyAliases(place)
        const aliases = surveyed.filter(({ alias }) => alias !== place.actionsAlias)
        if (json) writeAnswer(io, 'aliases', { aliases: aliases.map(aliasJson) })
        else {
          const head = placeText(await place.fetchHead())
          io.stdout.write(`${head}${aliasesText(aliases, createPaint(io.stdout, io.env))}`)
        }
      }),
    )
}

function aliasJson({ alias, aliasArn, policy }: SurveyedAlias) {
  const { poolArns: pools, bytes, faults } = policy
  return { alias, arn: aliasArn, pools, bytesUsed: bytes, bytesLeft: POLICY_BYTES_MAX - bytes, faults }
}

function aliasesText(aliases: readonly SurveyedAlias[], paint: Paint): string {
  if (aliases.length === 0) return 'There is no alias for tenants yet. Who needs one: corbado-gateway aliases check\n'
  const rows = aliases.map(({ alias, policy }) => [
    alias,
    String(policy.poolArns.length),
    policy.bytes.toLocaleString('en'),
    (POLICY_BYTES_MAX - policy.bytes).toLocaleString('en'),
    policy.faults.length === 0 ? '' : 'see aliases check',
  ])
  const all = [['alias', 'pools', 'bytes used', 'bytes left', ''], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const lines = all.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    return cells.join('  ').trimEnd()
  })
  return `${[paint('dim', lines[0] ?? ''), ...lines.slice(1)].join('\n')}\n`
}
