import type { Command } from 'commander'
import { type AliasPlace, withAliases } from '../../operator/aliases/place.js'
import type { AliasPolicy } from '../../operator/aliases/policy.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { placeText } from '../../operator/place.js'
import { mayWrite } from '../../terminal/ask.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { shellWord } from '../../terminal/text.js'
import { assertReadable, editAlias, fetchAliasPolicy } from './edit.js'
import { changeText, roomText } from './report.js'

interface CleanOptions {
  readonly yes?: true
  readonly json?: true
}

/** `aliases clean`: takes out of an alias's policy what `aliases check` found in it; the same pools stay let in. */
export function aliasesCleanCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases clean',
    summary:
      "Shows what of an alias's policy others have written and, with --yes, takes it out. Who is let in stays the same.",
    examples: ['corbado-gateway aliases clean t-1', 'corbado-gateway aliases clean t-1 --yes'],
  })
    .argument('<alias>', 'an alias, as aliases list shows them')
    .option('--yes', 'write it')
    .option('--json', 'print { kind: "aliases-change", written, place, aliases }')
    .action((alias: string, options: CleanOptions) => withAliases(io, (place) => clean(alias, options, place, io)))
}

async function clean(alias: string, options: CleanOptions, place: AliasPlace, io: CommandIo): Promise<void> {
  const { upstreams, functionArn, actionsAlias } = place
  if (alias === actionsAlias) {
    throw new NotPossible(`${alias} is the actions alias: its policy is made by the code that deploys the gateway`)
  }
  const aliasArn = `${functionArn}:${alias}`
  const policy = await fetchAliasPolicy(upstreams.aliases, alias, aliasArn)
  assertReadable(policy, alias, aliasArn)
  const { faults } = policy
  const change = { alias, added: [], removed: [], faults, left: [] }
  const head = await place.fetchHead()
  if (!options.json) {
    const nothing = faults.length === 0 ? `${alias}: there is nothing to take out\n` : ''
    io.stdout.write(`${placeText(head)}${changeText(change, createPaint(io.stdout, io.env))}${nothing}`)
  }
  const command = `corbado-gateway aliases clean ${shellWord(alias)} --yes`
  const write = faults.length > 0 && (await mayWrite(options, command, io))
  const edit = { alias, aliasArn, loses: faults, pools: ({ poolArns }: AliasPolicy) => poolArns }
  const edited = write ? await editAlias(upstreams.aliases, edit) : undefined
  if (options.json) writeAnswer(io, 'aliases-change', { written: write, place: head, aliases: [change] })
  else if (edited) io.stdout.write(roomText(alias, edited.policy))
}
