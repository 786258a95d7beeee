import t from 'tap'
import { burnAll } from '../fixtures/fire/run.js'

// Every line of the matrix, under every fault.
await burnAll(t, () => true)
