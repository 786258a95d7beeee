import type { Command } from 'commander'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { wireApplyCommand } from './apply.js'
import { wireExample } from './options.js'
import { wirePlanCommand } from './plan.js'
import { wireUndoCommand } from './undo.js'

/** `wire …`: a user pool's triggers. For the customer's engineer, under the customer's own credentials. */
export function wireCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway wire',
    summary: "Points a user pool's triggers at Corbado and back. Run it with credentials of the pool's account.",
    examples: [wireExample('plan'), wireExample('apply')],
  })
    .addCommand(wirePlanCommand(io))
    .addCommand(wireApplyCommand(io))
    .addCommand(wireUndoCommand(io))
}
