import type { Runner } from '../lambda/runner.js'
import { createEnvironment, type Environment, type EnvironmentOptions, exitError, type Job } from './environment.js'

/** Environments at most; further invocations wait. A bound for one machine: AWS itself would throttle at 1,000. */
const ENVIRONMENTS_MAX = 10

export interface Environments {
  readonly runner: Runner
  /** How many environments were started so far. */
  coldStarts(): number
  /** Ends all environments, each when it has answered: later events begin in new ones, which have nothing in memory. */
  retire(): void
  stop(): Promise<void>
}

/**
 * Lambda's execution environments as child processes: one event at a time in each, idle ones used again, another
 * started if all are busy. A function that outlives its deadline loses its environment, as on Lambda.
 */
export function createEnvironments(options: EnvironmentOptions): Environments {
  const environments = new Set<Environment>()
  const retired = new Set<Environment>()
  const waiting: Job[] = []
  let coldStarts = 0
  let stopped = false

  function start(): Environment {
    coldStarts += 1
    const environment = createEnvironment(options, dispatch)
    environments.add(environment)
    environment.gone.then(() => {
      environments.delete(environment)
      retired.delete(environment)
      dispatch()
    })
    return environment
  }

  function dispatch(): void {
    for (const environment of retired) if (environment.isIdle()) void environment.stop()
    while (waiting.length > 0) {
      const idle = [...environments].find((environment) => environment.isIdle() && !retired.has(environment))
      if (idle === undefined && environments.size >= ENVIRONMENTS_MAX) return
      const job = waiting.shift()
      if (job) (idle ?? start()).run(job)
    }
  }

  return {
    runner: (payload, invocation) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(exitError(invocation.awsRequestId, 'stopped'))
        waiting.push({ payload, invocation, budgetMs: invocation.deadlineMs - Date.now(), resolve, reject })
        dispatch()
      }),
    coldStarts: () => coldStarts,
    retire() {
      for (const environment of environments) retired.add(environment)
      dispatch()
    },
    async stop() {
      stopped = true
      for (const job of waiting.splice(0)) job.reject(exitError(job.invocation.awsRequestId, 'stopped'))
      await Promise.all([...environments].map((environment) => environment.stop()))
    },
  }
}
