import type { Command } from 'commander'

/** Longest line of a help text. */
const WIDTH = 80

/** What `help` is, in the help of every command that holds others. */
export const HELP_COMMAND = ['help [command...]', 'Shows the help of a command, as --help does.'] as const

/**
 * The words of a command line, with --help in place of the command `help`: `help tenants apply` and `tenants help apply`
 * are `tenants apply --help`. A word that is no command is left for commander to refuse. Other command lines stay as they are.
 * @throws CommanderError if words follow a command that holds no others
 */
export function helpAsOption(program: Command, argv: readonly string[]): readonly string[] {
  const { command: group, rest } = descend(program, argv)
  if (!holdsOnly(group) || rest[0] !== 'help') return argv
  const asked = rest.slice(1).filter((word) => !['--help', '-h', 'help'].includes(word))
  const { command, rest: unknown } = descend(group, asked)
  const path = [...argv.slice(0, argv.length - rest.length), ...asked.slice(0, asked.length - unknown.length)]
  const [word] = unknown
  if (word === undefined) return [...path, '--help']
  if (holdsOnly(command)) return [...path, word]
  return command.error(`error: unknown ${word.startsWith('-') ? 'option' : 'command'} '${word}'`)
}

/** Follows the words that name commands as far as they go. */
function descend(command: Command, words: readonly string[]): { command: Command; rest: readonly string[] } {
  const [word, ...rest] = words
  const next = command.commands.find((one) => one.name() === word)
  return next ? descend(next, rest) : { command, rest: words }
}

/** Is it a command that does nothing by itself? The first word after any other may be an argument. */
function holdsOnly({ commands, registeredArguments }: Command): boolean {
  return commands.length > 0 && registeredArguments.length === 0
}

/** The lines of a help text that say how a command is typed. A long one goes on in the next line, as a shell reads it. */
export function exampleText(examples: readonly string[]): string {
  return `\nExample${examples.length > 1 ? 's' : ''}:\n${examples.map((line) => `  ${folded(line)}`).join('\n')}`
}

/** Breaks between words, and keeps an option with its value. */
function folded(line: string): string {
  const words = line.match(/(?:--\S+ (?!-)|)(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []
  const lines = ['']
  const room = WIDTH - ' \\'.length - '    '.length
  for (const word of words) {
    const last = lines.at(-1)
    if (last === '') lines[0] = word
    else if (`${last} ${word}`.length <= room) lines[lines.length - 1] += ` ${word}`
    else lines.push(word)
  }
  return `  ${line}`.length <= WIDTH ? line : lines.join(' \\\n    ')
}
