import type { Argument, Command, Option } from 'commander'

/** What can be typed in a place: names of files or folders, one of some words, or anything. */
export type Value =
  | { kind: 'file' }
  | { kind: 'folder' }
  | { kind: 'word'; words: readonly string[] }
  | { kind: 'text' }

export interface OptionWords {
  /** As typed, e.g. `-h` and `--help`. */
  readonly flags: readonly string[]
  readonly about: string
  /** None of a flag that takes no value. */
  readonly value: Value | undefined
}

/** A command as a shell completes it. */
export interface CommandWords {
  /** The words typed before, without the program's name. */
  readonly path: readonly string[]
  readonly commands: readonly { readonly name: string; readonly about: string }[]
  readonly options: readonly OptionWords[]
  /** One for each argument, in order. */
  readonly args: readonly Value[]
}

/** What can be typed after each command of a program, the program itself first. */
export function commandWords(program: Command): CommandWords[] {
  return [...wordsBelow(program, []), ...helpBelow(program, [])]
}

function wordsBelow(command: Command, path: readonly string[]): CommandWords[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command).map((one) => ({ name: one.name(), about: aboutOf(one.description()) }))
  const options = help.visibleOptions(command).map(optionWords)
  const own = { path, commands, options, args: command.registeredArguments.map((arg) => kindOf(arg, arg.name())) }
  return [own, ...command.commands.flatMap((one) => wordsBelow(one, [...path, one.name()]))]
}

/** After `help` stands what is there without it, but for options and arguments. */
function helpBelow(group: Command, path: readonly string[]): CommandWords[] {
  if (
    !group
      .createHelp()
      .visibleCommands(group)
      .some((one) => one.name() === 'help')
  )
    return []
  const after = wordsBelow(group, [...path, 'help']).map(({ path, commands }) => {
    return { path, commands: commands.filter(({ name }) => name !== 'help'), options: [], args: [] }
  })
  return [...after, ...group.commands.flatMap((one) => helpBelow(one, [...path, one.name()]))]
}

function optionWords(option: Option): OptionWords {
  const { short, long, description, required, optional, flags } = option
  const [, name = ''] = /[<[]([^>\]]*)[>\]]/.exec(flags) ?? []
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    about: aboutOf(description),
    value: required || optional ? kindOf(option, name) : undefined,
  }
}

/** A value's name says whether it is a file or folder: so `<file.md>` and `[dir]`. */
function kindOf({ argChoices }: Pick<Argument | Option, 'argChoices'>, name: string): Value {
  if (argChoices) return { kind: 'word', words: argChoices }
  if (/^(dir|folder)\b/.test(name)) return { kind: 'folder' }
  return /^(file|path)\b/.test(name) ? { kind: 'file' } : { kind: 'text' }
}

/** Fits a line beside its word. */
const ABOUT_MAX = 60

/** The beginning of a text, as a shell shows it beside a word. */
function aboutOf(text: string): string {
  const [sentence = ''] = text.split(/\.(?= |$)|[:;] | \(/)
  if (sentence.length <= ABOUT_MAX) return sentence
  return `${sentence.slice(0, sentence.lastIndexOf(' ', ABOUT_MAX - 1))} …`
}
