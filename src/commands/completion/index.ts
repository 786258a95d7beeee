import { Argument, type Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { bashScript } from './bash.js'
import { fishScript } from './fish.js'
import { commandWords } from './model.js'
import { zshScript } from './zsh.js'

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

const INSTALL = `
To have it in every new shell:
  bash  add to ~/.bashrc: source <(corbado-gateway completion bash)
        (bash 3.2 of macOS: eval "$(corbado-gateway completion bash)")
  zsh   add to ~/.zshrc: source <(corbado-gateway completion zsh)
        (after the line with compinit)
  fish  corbado-gateway completion fish \\
          > ~/.config/fish/completions/corbado-gateway.fish`

/** `completion`: a script from which a shell learns the commands, their options, and where a file name belongs. */
export function completionCommand(io: CommandIo): Command {
  const command = defineCommand(io, {
    path: 'corbado-gateway completion',
    summary: 'Prints a script that completes commands, options and file names in a shell.',
    examples: ['source <(corbado-gateway completion bash)'],
  })
  return command
    .addArgument(new Argument('<shell>', 'the shell that is to read it').choices(Object.keys(SCRIPTS)))
    .option('--json', 'print { kind: "completion", shell, script }')
    .addHelpText('after', INSTALL)
    .action((shell: keyof typeof SCRIPTS, { json }: { json?: true }) => {
      const script = SCRIPTS[shell](commandWords(programOf(command)))
      if (json) writeAnswer(io, 'completion', { shell, script })
      else io.stdout.write(script)
    })
}

function programOf(command: Command): Command {
  return command.parent ? programOf(command.parent) : command
}
