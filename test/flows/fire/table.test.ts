import t from 'tap'
import { burnAll } from '../../fixtures/fire/run.js'

// Every line about the table, which all need, under every fault.
await burnAll(t, ({ on }) => on === 'table')
