import t from 'tap'
import { isOfTokens } from '../../fixtures/fire/asks.js'
import { burnAll } from '../../fixtures/fire/run.js'

// The claim, whole logins of post-login and connect tokens while anything but the table or a function fails.
await burnAll(t, ({ ask, on }) => isOfTokens(ask) && on !== 'table' && on !== 'function')
