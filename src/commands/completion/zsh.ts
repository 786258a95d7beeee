import type { CommandWords, OptionWords, Value } from './model.js'

/** A completion script for zsh: a function a command, as `_arguments` wants them. */
export function zshScript(commands: readonly CommandWords[]): string {
  return `# Completion of corbado-gateway for zsh, after compinit: source <(corbado-gateway completion zsh)
${commands.map(functionOf).join('\n')}
compdef _corbado-gateway corbado-gateway
`
}

const nameOf = (path: readonly string[]): string => ['_corbado-gateway', ...path].join('_')

function functionOf({ path, commands, options, args }: CommandWords): string {
  const own = options.map(optionSpec)
  if (commands.length === 0) {
    const specs = [...own, ...args.map((value, i) => quoted(`${i + 1}:argument:${action(value)}`))]
    return `${nameOf(path)}() {\n  _arguments ${specs.length > 0 ? specs.join(' \\\n    ') : "'*:: :'"}\n}\n`
  }
  const [first] = args
  const file = first && action(first) !== ' ' ? `\n      ${action(first)}` : ''
  const specs = [...own, "'1: :->command'", "'*:: :->rest'"]
  return `${nameOf(path)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${specs.join(' \\\n    ')}
  case $state in
    command)
      local -a commands=(
${commands.map(({ name, about }) => `        ${quoted(`${name}:${about}`)}`).join('\n')}
      )
      _describe command commands${file} ;;
    rest)
      case $line[1] in
${commands.map(({ name }) => `        ${name}) ${nameOf([...path, name])} ;;`).join('\n')}
      esac ;;
  esac
}
`
}

function optionSpec({ flags, about, value }: OptionWords): string {
  const [first = '', second] = flags
  const what = `[${about.replaceAll(/[\\[\]:]/g, '\\$&')}]${value ? `:value:${action(value)}` : ''}`
  const also = second === undefined ? quoted(first + what) : `'(${first} ${second})'{${first},${second}}${quoted(what)}`
  return also
}

function action(value: Value): string {
  if (value.kind === 'word') return `(${value.words.join(' ')})`
  return { file: '_files', folder: '_files -/', text: ' ' }[value.kind]
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
