import { Command } from 'commander'
import { exampleText, HELP_COMMAND } from './help.js'
import { type CommandIo, writeNote } from './io.js'

/** What a person reads of a command. */
export interface CommandText {
  /** All words up to and with its own, e.g. `corbado-gateway tenants apply`. */
  readonly path: string
  readonly summary: string
  /** At least one line that can be typed as it stands. */
  readonly examples: readonly string[]
}

/** Beside a command with two arguments there is room for so few columns on a terminal of 80. */
const WRAPPED_FROM = 20

/** Makes a command that writes to the given outputs, never exits the process, and points to its help when misused. */
export function defineCommand(io: CommandIo, { path, summary, examples }: CommandText): Command {
  return (
    new Command(path.split(' ').at(-1))
      .description(summary)
      // What the list of a group shows; the command's own help says the rest.
      .summary(firstSentence(summary))
      .exitOverride()
      .configureHelp({ minWidthToWrap: WRAPPED_FROM, subcommandTerm })
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        writeErr: (text) => io.stderr.write(text),
        outputError: (text) => {
          const [said = '', meant] = text.trimEnd().split(/\n(?=\(Did you mean [^\n]*$)/)
          // It repeats words that were typed; none of them is a line of its own.
          writeNote(io, 'error', said.replace(/^error: /, '').replaceAll('\n', '\\u000a'))
          if (meant !== undefined) io.stderr.write(`${meant}\n`)
        },
      })
      .showHelpAfterError(`See: ${path} --help`)
      .helpCommand(false)
      .addHelpText('after', exampleText(examples))
  )
}

/** Up to its first full stop. */
function firstSentence(text: string): string {
  return /^.*?\.(?= [A-Z]|$)/.exec(text)?.[0] ?? text
}

/** A command as the list of its group names it; that it has options goes without saying. */
function subcommandTerm(command: Command): string {
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  return [command.name(), ...words].join(' ')
}

/** Makes one command, with all that is below it. */
export type CreateCommand = (io: CommandIo) => Command

/** A command that only holds others, in the order of its help. */
export function commandGroup(text: CommandText, commands: readonly CreateCommand[]): CreateCommand {
  return (io) => {
    const group = defineCommand(io, text)
    for (const create of commands) group.addCommand(create(io))
    return group.helpCommand(...HELP_COMMAND)
  }
}
