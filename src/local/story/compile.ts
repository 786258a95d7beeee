/**
 * Signs somebody in through the Lambda door, and writes beside its program what V8 compiled for that: run as
 * `node compile.mjs <program>`, in the Node, and with the flags, in which the program is to run.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { compiledName, loadProgram } from '../../compiled.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { useNoAccount } from '../aws/variables.js'
import { createActionClient } from '../clients/actions.js'
import { startLogin } from '../clients/login.js'
import { type Handler, inProcess } from '../lambda/index.js'
import { startStack } from '../stack.js'
import { createExamples, putExample } from '../world/example.js'
import { grantAlias, putTenantRecord, toLocal } from '../world/tenants.js'

const file = resolve(process.argv[2] ?? '')
const { entries } = await readTenantFolder('tenants', readConfigRules({}))
const [example] = createExamples(entries.map(({ tenant }) => tenant).filter(({ tenantId }) => tenantId === 'acme-shop'))
if (!example) throw new Error('tenants/acme-shop.yaml is missing')
const { tenant, person, identifier, clientId } = example
const { userPoolId, corbado, alias } = tenant

const stack = await startStack()
putExample(stack, example)
await putTenantRecord(stack, toLocal(tenant, stack), userPoolId)
useNoAccount({ ...stack.gatewayEnv, LOG_LEVEL: 'fatal' })
const program = loadProgram<{ readonly handler: Handler }>(file, process.execArgv)
stack.deploy(inProcess(program.exports.handler), [alias])

grantAlias(stack, alias, [tenant])

const actions = createActionClient(stack)
const found = await actions.invoke({ action: 'pre-login', userPoolId, identifier })
const begun = await startLogin({ endpoint: stack.cognito.url, userPoolId, clientId, username: person.username })
const ended =
  begun.kind === 'challenge' ? await begun.answer(await stack.corbado.sign(corbado.projectId, person.username)) : begun
if (found.statusCode !== 200 || ended.kind !== 'tokens')
  throw new Error(`nobody was signed in: ${JSON.stringify([found, ended])}`)
writeFileSync(compiledName(file, process.execArgv), program.compiled())
process.exit(0)
