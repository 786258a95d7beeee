import { fieldsOf } from '../../fields.js'
import { LOG_GROUP } from '../accounts.js'
import { parseJson } from '../aws/json.js'
import type { ExplainAnswer } from './api.js'
import type { RunCommand } from './command.js'
import type { Answered } from './connect-token.js'

/** As the gateway makes them. */
const FLOW_ID = /^[\w-]{22}$/

/** What the operator's `explain` says of one login: the same command twice, for people and for programs. */
export async function explainLogin(
  run: RunCommand,
  tenantId: string | undefined,
  flowId: string | undefined,
): Promise<Answered<ExplainAnswer>> {
  if (tenantId === undefined) return { status: 404, body: { code: 'unknown_tenant', message: 'There is no such app.' } }
  if (flowId === undefined || !FLOW_ID.test(flowId)) {
    return { status: 400, body: { code: 'unknown_flow', message: 'The flow id has 22 characters.' } }
  }
  const words = ['explain', tenantId, '--flow', flowId, '--log-group', LOG_GROUP]
  const [told, json] = await Promise.all([run(words), run([...words, '--json'])])
  const answer = fieldsOf(parseJson(json.stdout))
  // It found nothing that it can be of, or could not look; its own words say which.
  if (answer.kind !== 'login') {
    const message = (told.stderr || told.stdout).trim() || 'The command explain said nothing.'
    return { status: 502, body: { code: 'explain_failed', message } }
  }
  return { status: 200, body: { command: `corbado-gateway ${words.join(' ')}`, text: told.stdout, answer } }
}
