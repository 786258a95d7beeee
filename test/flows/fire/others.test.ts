import t from 'tap'
import { isChained, isOfTokens } from '../../fixtures/fire/asks.js'
import { burnAll } from '../../fixtures/fire/run.js'

// Every line about another dependency, under every fault, but for those that have files of their own.
await burnAll(t, ({ ask, on }) => on !== 'table' && on !== 'function' && !isChained(ask) && !isOfTokens(ask))
