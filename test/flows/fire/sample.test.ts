import { createHash } from 'node:crypto'
import t from 'tap'
import { nameOf } from '../../fixtures/fire/matrix.js'
import { burnAll } from '../../fixtures/fire/run.js'

/** One cell of so many; the long suite burns all. */
const OF = 120
/** Another one chooses others: `FIRE_SEED=7 node test/run.mjs test/flows/fire/sample.test.ts`. */
const seed = process.env.FIRE_SEED ?? '1'

await burnAll(t, (row, fault) => {
  const number = createHash('sha256')
    .update(`${seed} ${nameOf(row)} ${fault}`)
    .digest()
    .readUInt32BE()
  // A process of its own for each of these faults, and a second until the SDK asks again.
  if (row.on === 'credentials' && row.known === 'cold') return fault === 'refuse' && number % 4 === 0
  // Every trigger and action while the table hangs that they need not ask, and what chance brings.
  return (row.on === 'table' && row.known === 'fresh' && fault === 'hang') || number % OF === 0
})
