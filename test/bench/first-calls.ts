import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Pool } from 'undici'
import { NO_SDK_NOTICE } from '../../src/local/aws/variables.js'
import { startServer } from './load.js'
import { newCallerSecret, requestsBy } from './neighbours/requests.js'
import type { World } from './neighbours/world.js'
import { type Row, times } from './report.js'

const CALLS = times(1_000, 50)

/** How many of 1,000 first calls of 50 tenants, each on a connection of its own, a container answers that has just started. */
export async function firstCalls(): Promise<Row[]> {
  const secret = newCallerSecret()
  const child = fork('dist/bench-stand-ins.mjs', [secret], { env: { PATH: process.env.PATH, ...NO_SDK_NOTICE } })
  const [world] = (await once(child, 'message')) as [World]
  const server = await startServer('dist/server.mjs', { ...world.env, HOST: '127.0.0.1' })
  const pool = new Pool(server.url, { connections: null })
  const { define } = requestsBy(secret)
  const calls = world.good.map((member) => define(member, ''))
  async function isAnswered(_: unknown, index: number): Promise<boolean> {
    const one = calls[index % calls.length]
    if (!one) return false
    const { path, headers, body } = one.shot
    const answer = await pool.request({ method: 'POST', path, headers, body })
    return one.isRight(answer.statusCode, await answer.body.text())
  }
  const answered = (await Promise.all(Array.from({ length: CALLS }, isAnswered))).filter(Boolean).length
  await pool.destroy()
  await server.stop()
  child.disconnect()
  const row = { name: '1,000 first calls at once to a fresh container', unit: 'answered', ours: answered }
  return [{ ...row, reference: CALLS, referenceName: 'sent', ratio: answered / CALLS, least: 1 }]
}
