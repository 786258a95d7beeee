import { createAsker } from '../../terminal/ask.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { textAt } from '../../terminal/text.js'
import type { Answers } from './answers.js'
import type { OnboardPlace } from './checks.js'
import { QUESTIONS, type Question } from './questions.js'

/** Asks a question until something is answered; an empty line means the fallback, if there is one. */
type Ask = (question: Question, fallback: string | undefined, issue: string | undefined) => Promise<string>

/**
 * Brings all answers together: what was given by flag, what is asked, what follows by itself.
 * @param ask if a person can be asked: for what has no answer by itself, and with `everything` for all else too
 * @throws WrongUsage naming every flag that is missing or wrong, if no person can be asked
 */
export async function collectAnswers(
  given: Partial<Answers>,
  place: OnboardPlace,
  ask?: Ask,
  everything = false,
): Promise<Answers> {
  const answers: { -readonly [K in keyof Answers]?: string } = {}
  const problems: string[] = []
  for (const question of QUESTIONS) {
    const { key, flag, text, check, isOpen = () => true } = question
    const fallback = question.fallback?.(answers, place)
    const asked = ask !== undefined && isOpen(answers) && everything
    let value = given[key] ?? (asked ? undefined : fallback)
    let issue = value === undefined ? undefined : check(value, answers, place)
    while (ask && (value === undefined || issue !== undefined)) {
      value = await ask(question, fallback, issue && `${value} ${issue}`)
      issue = check(value, answers, place)
    }
    if (issue !== undefined) problems.push(`${flag} ${issue}`)
    // What follows from an answer that is missing itself is not missing.
    else if (value === undefined && question.derived !== true) problems.push(`${flag} is missing: ${text}`)
    if (value !== undefined && issue === undefined) answers[key] = value
  }
  if (problems.length > 0) throw new WrongUsage(problems.join('\n  '))
  return answers as Answers
}

/** Puts the questions to the person at the terminal, each again until it has an answer or a fallback. */
export function createAsk(io: CommandIo): { readonly ask: Ask; close(): void } {
  const paint = createPaint(io.stderr, io.env)
  const asker = createAsker(io)
  return {
    async ask({ text }, fallback, issue) {
      if (issue !== undefined) io.stderr.write(`${paint('red', 'no:')} ${issue}\n`)
      const offer = fallback === undefined ? '' : `[${fallback}]`
      const lines = textAt(0, `${text}${offer && ` ${offer}`}:`, io.stderr).split('\n')
      const last = lines.pop() ?? ''
      for (;;) {
        io.stderr.write(lines.map((line) => `${line}\n`).join(''))
        const typed = await asker.ask(`${offer ? last.replace(offer, () => paint('dim', offer)) : last} `)
        const answer = typed.trim() || fallback
        if (answer !== undefined) return answer
      }
    },
    close: asker.close,
  }
}
