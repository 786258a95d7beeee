import t from 'tap'
import { playAll } from '../../fixtures/fire/schedule/run.js'

// A part of what the long suite does, and always the same one.
await playAll(t, { tenants: 3, length: 24, runs: 3 })
