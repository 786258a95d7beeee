import t from 'tap'
import { burnAll } from '../../fixtures/fire/run.js'

// Every line about another dependency, under every fault.
await burnAll(t, ({ on }) => on !== 'table')
