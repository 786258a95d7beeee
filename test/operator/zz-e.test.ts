import t from 'tap'
import { parseEnv } from '../../src/env.js'
import { grantAlias, toLocal } from '../../src/local/tenants.js'
import { diagnose } from '../../src/operator/doctor.js'
import { readOperatorSettings } from '../../src/operator/settings.js'
import { createOperatorUpstreams } from '../../src/upstreams/operator.js'
import { tenantFile } from '../fixtures/tenants.js'
import { startOperator } from './fixtures/operator.js'
const { stack, env, setUp } = await startOperator(t)
const parsed = parseEnv(env)
const settings = readOperatorSettings(env, ['gatewayFunctionArn'])
const upstreams = createOperatorUpstreams({ region: parsed.awsRegion, tenantTable: parsed.tenantTable, functionArn: settings.gatewayFunctionArn, actionsAlias: 'actions' }, stack.clock)
t.teardown(() => upstreams.close())
const file = toLocal(tenantFile(), stack)
setUp(file)
stack.deploy(async () => undefined as never, [file.alias])
grantAlias(stack, file.alias, [file])
const at = Date.now()
const found = await diagnose(file, { upstreams, env: parsed, settings })
for (const f of found) t.comment(`${f.state} ${f.check}: ${f.what} ${f.fix ?? ''}`)
t.comment(Date.now() - at)
t.pass()
