import t from 'tap'
import { type Ask, contentOf } from '../fixtures/fire/asks.js'
import { LIMIT_MS, REMAINING_MS } from '../fixtures/fire/faults.js'
import { emailOf, tenantOf, userOf } from '../fixtures/fire/tenants.js'
import { openFireWorld } from '../fixtures/fire/world.js'

const world = await openFireWorld(t)
const { clock, stack, at } = world

t.test('dependencies that are each within their time, but not together, do not make an answer late', async (t) => {
  const gateway = await world.open()
  const expected: Partial<Record<Ask, string>> = {
    verify: 'incorrect/backend_timeout',
    'pre-login': 'refused/cognito_timeout',
    'by-attribute': 'refused/cognito_timeout',
    'post-append': 'fault/cognito_timeout',
  }
  // Opens connections, and fetches the secrets of the container's callers.
  const stranger = { action: 'pre-login', userPoolId: 'eu-central-1_Nobody', identifier: 'x' }
  for (const door of ['lambda', 'container'] as const) await gateway.send(door, stranger, '', 6_000)
  const slow = { table: 250, ssm: 300, sts: 500, cognito: 800, corbado: 800 } as const
  let number = 0
  for (const [name, outcome] of Object.entries(expected)) {
    for (const door of ['lambda', 'container'] as const) {
      number += 1
      const file = tenantOf(number, at.corbado.wire.url)
      await world.addTenant(file)
      const attributes = { email: emailOf(file, 'during'), phone_number: '+4989123456' }
      stack.cognito.putUser(file.userPoolId, { username: userOf(file, 'during'), attributes })
      const content = await contentOf(name as Ask, file, 'during', world)
      for (const [on, ms] of Object.entries(slow))
        await at[on as keyof typeof slow].standIn.setFault({ kind: 'slow', ms })
      const start = clock.elapsed()
      await gateway.send(door, content, file.alias, REMAINING_MS, `${number}`)
      const ms = clock.elapsed() - start
      for (const on of Object.keys(slow)) await at[on as keyof typeof slow].standIn.setFault(undefined)
      const line = await gateway.lineOf(door, `${number}`)
      t.strictSame(
        [`${line?.outcome}/${line?.reason}`, ms],
        [outcome, LIMIT_MS],
        `${door}: ${name}, all of its time, and no more`,
      )
    }
  }
})
