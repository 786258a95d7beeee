import t from 'tap'
import { playAll } from '../../fixtures/fire/schedule/run.js'

t.setTimeout(600_000)
await playAll(t, { tenants: 8, length: 60, runs: 40 })
