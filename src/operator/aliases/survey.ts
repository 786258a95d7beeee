import { setTimeout } from 'node:timers/promises'
import { isUpstreamError } from '../../errors.js'
import type { FunctionAliases } from '../../upstreams/operator.js'
import { operatorCall } from '../upstreams.js'
import { type AliasPolicy, readAliasPolicy } from './policy.js'

/** An alias of the gateway's function with what its policy says. */
export interface SurveyedAlias {
  readonly alias: string
  readonly aliasArn: string
  readonly policy: AliasPolicy
}

/** All of Lambda's control plane shares 15 requests a second (fact A28): wait this long when they are used up. */
const PAUSE_MS = 1_000
const TRIES_MAX = 5

/** Reads every alias, the actions alias too, and its policy; one after the other, for the sake of Lambda's quota. */
export async function surveyAliases(aliases: FunctionAliases, functionArn: string): Promise<SurveyedAlias[]> {
  const surveyed: SurveyedAlias[] = []
  for (const alias of (await aliases.list(operatorCall())).sort(byNumber)) {
    const found = await patiently(() => aliases.fetchPolicy(alias, operatorCall()))
    const aliasArn = `${functionArn}:${alias}`
    surveyed.push({ alias, aliasArn, policy: readAliasPolicy(aliasArn, found?.policy) })
  }
  return surveyed
}

async function patiently<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await request()
    } catch (error) {
      if (tries === TRIES_MAX || !isUpstreamError(error) || error.kind !== 'throttled') throw error
      await setTimeout(PAUSE_MS)
    }
  }
}

/** `t-10` after `t-9`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
