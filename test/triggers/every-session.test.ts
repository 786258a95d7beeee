import { testEverySession, testProperties } from './fixtures/decisions.js'

/* A million and a half of sessions; define-auth-challenge.test.ts has a sample of them. */

testEverySession(4)
testProperties(20_000)
