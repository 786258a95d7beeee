import t from 'tap'
import { isChained } from '../../fixtures/fire/asks.js'
import { burnAll } from '../../fixtures/fire/run.js'

// Every line about the customer's own function, and those of triggers that it answers, under every fault.
await burnAll(t, ({ ask, on }) => on === 'function' || (on !== 'table' && isChained(ask)))
