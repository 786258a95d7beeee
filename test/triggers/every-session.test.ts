import t from 'tap'
import { startGateway } from '../fixtures/gateway.js'
import { testEverySession, testProperties } from './fixtures/decisions.js'
import { testSides, testSidesThroughGateway } from './fixtures/sides.js'

/* A million and a half of sessions; define-auth-challenge.test.ts has a sample of them. */

testEverySession(4)
testProperties(20_000)

/* And six hundred thousand, each at the app clients of both sides. */

testSides()
await testSidesThroughGateway(await startGateway(t))
