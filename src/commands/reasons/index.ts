import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { isFault, isReason, levelOf, placesOf, type Reason, reasons, rowOf, stepNamesOf } from '../../reasons.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo, Output } from '../../terminal/io.js'
import { closestNames, counted, textAt, textTable } from '../../terminal/text.js'

/** `reasons`: what the reasons on log lines mean, who has to act, and how. */
export function reasonsCommand(io: CommandIo): Command {
  const path = 'corbado-gateway reasons'
  return defineCommand(io, {
    path,
    summary: 'Says what the reason on a log line means, who has to act, and what fixes it.',
    examples: [path, `${path} sts_denied`, `${path} customer`, `${path} secret --json`],
  })
    .argument('[word]', 'a reason, or those with this in their name, their owner or what they mean')
    .option('--json', 'print { kind: "reasons", reasons }')
    .action((word: string | undefined, { json = false }: { json?: boolean }) => {
      const found = word === undefined ? reasons : findReasons(word)
      if (json) writeAnswer(io, 'reasons', { reasons: found.map(factsOf) })
      else io.stdout.write(found.length === 1 ? pageOf(found[0] as Reason, io.stdout) : listOf(found, io.stdout))
    })
}

/** @throws NotPossible with the closest names if no reason has the word */
function findReasons(word: string): readonly Reason[] {
  const wanted = word.toLowerCase()
  if (isReason(wanted)) return [wanted]
  const found = reasons.filter((reason) => {
    const { owner, means } = rowOf(reason)
    return [reason, owner, means].some((text) => text.toLowerCase().includes(wanted))
  })
  if (found.length > 0) return found
  const closest = closestNames(reasons, word)
  const hint = closest.length > 0 ? `did you mean ${closest.join(' or ')}?` : 'corbado-gateway reasons lists them all'
  throw new NotPossible(`no reason has ${JSON.stringify(word)} in its name, owner or meaning: ${hint}`)
}

function factsOf(reason: Reason) {
  const { owner, means, fix, alike = [], alarm } = rowOf(reason)
  const at = placesOf(reason).map(({ step, outcome }) => ({ step, outcome, level: levelOf(reason, outcome) }))
  return {
    reason,
    owner,
    fault: isFault(reason),
    at,
    means,
    fix,
    alike: alike.map(({ what, tell }) => ({ what, tell })),
    alarm,
  }
}

function listOf(found: readonly Reason[], output: Output): string {
  const rows = found.map((reason) => {
    const { owner, means } = rowOf(reason)
    return [reason, owner, levelsOf(reason), means]
  })
  const table = textTable(['reason', 'owner', 'level', 'means, and what to do'], rows, output)
  return `${table}${found.length} of ${counted(reasons.length, 'reason')}\n`
}

/** The levels that its lines have, each once. */
function levelsOf(reason: Reason): string {
  return [...new Set(placesOf(reason).map(({ outcome }) => levelOf(reason, outcome)))].join('/')
}

function pageOf(reason: Reason, output: Output): string {
  const { owner, means, fix, alike = [], alarm } = rowOf(reason)
  const outcomes = [...new Set(placesOf(reason).map(({ outcome }) => outcome))]
  const facts: [name: string, text: string | undefined][] = [
    ['reason', reason],
    ['at', stepNamesOf(reason).join(', ')],
    ['outcome', outcomes.join(', ')],
    ['level', levelsOf(reason)],
    ['owner', owner],
    ['means', means],
    ['fix', fix],
    ['alarm', alarm && `from ${counted(alarm.from, 'line')} in 5 minutes on. Look at: ${alarm.look}`],
    ...alike.map(({ what, tell, fix }): [string, string] => [
      'perhaps',
      `${what}: ${tell}${fix ? `. Then: ${fix}` : ''}`,
    ]),
  ]
  const column = Math.max(...facts.map(([name]) => name.length)) + 2
  return facts.map(([name, text]) => (text ? `${name.padEnd(column)}${textAt(column, text, output)}\n` : '')).join('')
}
