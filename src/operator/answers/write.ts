import { type CommandIo, writeJson } from '../../terminal/io.js'
import type { AnswerKind } from './index.js'

/**
 * Gives a command's answer to `--json`: one document, whose kind says which schema it has. It goes out when the command ends,
 * with the error in it that may have come after.
 */
export function writeAnswer(io: CommandIo, kind: AnswerKind, value: object): void {
  const document = { kind, ...value }
  if (io.answer) io.answer(document)
  else writeJson(io.stdout, document)
}
