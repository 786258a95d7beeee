import type { CommandWords, Value } from './model.js'

/** A completion script for bash 3.2, as macOS has it, and later. */
export function bashScript(commands: readonly CommandWords[]): string {
  const paths = commands.map(({ path }) => path.join(' ')).filter((path) => path !== '')
  const values = commands.flatMap(valuesOf)
  const taking = values.filter(({ isOption }) => isOption).map(({ place }) => place)
  const of = (kind: Value['kind']) => values.filter(({ value }) => value.kind === kind).map(({ place }) => place)
  const words = values.flatMap(({ place, value }) => (value.kind === 'word' ? [[place, value.words] as const] : []))
  return `# Completion of corbado-gateway for bash: source <(corbado-gateway completion bash)
_corbado_gateway() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at='' option='' joined='' word i words='' kind=''
  local -i position=0
  COMPREPLY=()
  # bash makes words of their own of = and : in a word.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == [:=]* ]]; then
      [[ -n $option ]] || joined=yes
    elif [[ -n $joined ]]; then
      joined=''
    elif [[ -n $option ]]; then
      option=''
    else
      case "$at $word" in
${arm(
  paths.map((path) => ` ${path}`),
  'at="$at $word" position=0',
  8,
)}
${arm(taking, 'option="$at $word"', 8)}
        *' -'*) ;;
        *) position+=1 ;;
      esac
    fi
  done
  [[ $cur == = ]] && cur=''
  [[ -n $joined || $cur == :* ]] && return
  if [[ -z $option && $cur == -* ]]; then
    case "$at" in
${commands
  .filter(({ options }) => options.length > 0)
  .map(({ path, options }) => arm([prefixed(path)], `words='${optionList(options)}'`, 6))
  .join('\n')}
    esac
  else
    case "\${option:-$at $position}" in
${words.map(([place, list]) => arm([place], `words='${list.join(' ')}'`, 6)).join('\n')}
${arm(of('file'), 'kind=file', 6)}
${arm(of('folder'), 'kind=directory', 6)}
    esac
    [[ -z $option && $position == 0 ]] && case "$at" in
${commands
  .filter(({ commands }) => commands.length > 0)
  .map(({ path, commands }) => arm([prefixed(path)], `words='${commands.map(({ name }) => name).join(' ')}'`, 6))
  .join('\n')}
    esac
  fi
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$cur")
  [[ -z $kind ]] && return
  # Spaces in names are escaped, and folders end in a slash; bash 3.2 knows no compopt.
  [[ -z $words ]] && compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -A "$kind" -- "$cur")
}
complete -F _corbado_gateway corbado-gateway
`
}

const prefixed = (path: readonly string[]): string => path.map((word) => ` ${word}`).join('')

const optionList = (options: CommandWords['options']): string => options.flatMap(({ flags }) => flags).join(' ')

/** Where a value is typed: after an option, or at a position. */
function valuesOf({ path, options, args }: CommandWords) {
  const after = options.flatMap(({ flags, value }) =>
    value ? flags.map((flag) => ({ place: `${prefixed(path)} ${flag}`, value, isOption: true })) : [],
  )
  return [...after, ...args.map((value, i) => ({ place: `${prefixed(path)} ${i}`, value, isOption: false }))]
}

/** One arm of a `case`. */
function arm(patterns: readonly string[], then: string, indent: number): string {
  const margin = ' '.repeat(indent)
  return `${margin}${patterns.map((pattern) => `'${pattern}'`).join(` | \\\n${margin}`)}) ${then} ;;`
}
