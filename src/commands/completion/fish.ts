import type { CommandWords, OptionWords, Value } from './model.js'

/** A completion script for fish: a line a word, each with the command that it stands behind. */
export function fishScript(commands: readonly CommandWords[]): string {
  const paths = commands.map(({ path }) => quoted(path.join(' ')))
  const taking = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) => (value ? flags.map((flag) => quoted([...path, flag].join(' '))) : [])),
  )
  return `# Completion of corbado-gateway for fish: corbado-gateway completion fish | source
function __corbado_gateway_at
    set -l paths ${paths.join(' ')}
    set -l taking ${taking.join(' ')}
    set -l at
    set -l position 0
    set -l words (commandline -opc)
    set -e words[1]
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- "$at $word" ' '$paths
            set at "$at $word"
            set position 0
        else if contains -- "$at $word" ' '$taking
            set skip 1
        else if not string match -q -- '-*' $word
            set position (math $position + 1)
        end
    end
    test "$at" = "$argv[1]"; and begin
        test -z "$argv[2]"; or test $position = "$argv[2]"
    end
end
complete -c corbado-gateway -e
complete -c corbado-gateway -f
${commands.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, commands, options, args }: CommandWords): string[] {
  const at = path.map((word) => ` ${word}`).join('')
  const line = (more: string, position?: number) => {
    const place = position === undefined ? '' : ` ${position}`
    return `complete -c corbado-gateway -n ${quoted(`__corbado_gateway_at "${at}"${place}`)} ${more}`
  }
  return [
    ...commands.map(({ name, about }) => line(`-a ${name} -d ${quoted(about)}`, 0)),
    ...args.flatMap((value, i) => (value.kind === 'text' ? [] : [line(wordsOf(value), i)])),
    ...options.map((option) => line(optionWords(option))),
  ]
}

function optionWords({ flags, about, value }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  return [...names, ...(value ? [value.kind === 'file' ? '-r' : '-x', wordsOf(value)] : []), `-d ${quoted(about)}`]
    .filter(Boolean)
    .join(' ')
}

function wordsOf(value: Value): string {
  if (value.kind === 'word') return `-a ${quoted(value.words.join(' '))}`
  return { file: '-F', folder: "-a '(__fish_complete_directories)'", text: '' }[value.kind]
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`
