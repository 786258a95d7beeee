import { isDeepStrictEqual } from 'node:util'
import type { DefineEvent } from '../gateway/container.js'
import type { Scene } from './scene.js'
import type { StepReport } from './step.js'

/** Every define event of this story once more, through the other door. */
export function sameThroughHttp({ step, container, example, stack }: Scene): Promise<StepReport> {
  const { userPoolId } = example.tenant
  const isDefine = (event: unknown): event is DefineEvent => {
    const { triggerSource = '', ...rest } = event as Partial<DefineEvent>
    return rest.userPoolId === userPoolId && triggerSource.startsWith('DefineAuthChallenge')
  }
  const calls = stack.cognito.triggerCalls.flatMap(({ event, answer }) => (isDefine(event) ? [{ event, answer }] : []))
  return step(
    { step: 'same through HTTP', expected: "the Lambda door's answers" },
    () => Promise.all(calls.map(({ event }) => container.send(container.signDefine(event)))),
    (answers) => {
      const equal = answers.filter((answer, index) => isDeepStrictEqual(answer, calls[index]?.answer)).length
      return { outcome: `${equal} of ${calls.length} define answers equal`, ok: equal > 0 && equal === calls.length }
    },
  )
}
