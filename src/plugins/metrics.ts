import type { Server } from 'node:http'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Call } from '../call.js'
import { RouteUnknown } from '../errors.js'
import type { TenantStats } from '../tenant/context.js'
import type { LineFacts } from './log-line.js'
import { createRequestId } from './logging.js'
import { noCompilers } from './validator.js'

/** Every metric of our own, as Prometheus names it, with its labels and its meaning; the table in DOORS.md is compared with it. */
export const METRIC_DOCS = {
  gateway_requests_total: {
    labels: ['name', 'outcome', 'reason'],
    help: 'requests answered, by trigger or action (`request` if neither), outcome and reason of the closing line',
  },
  gateway_request_duration_seconds: { labels: ['name'], help: 'time from request to answer' },
  gateway_dependency_duration_seconds: {
    labels: ['dependency'],
    help: 'time that a request spent on a dependency, with repeated calls and waits for a shared call added up',
  },
  gateway_deadline_misses_total: {
    labels: ['name'],
    help: 'requests that were answered at the deadline or after it, with no time left',
  },
  gateway_remembered_failures_total: {
    labels: ['reason'],
    help: 'requests that failed without a call, by the failure of a call a moment ago or of the first try of a proof',
  },
  gateway_renewals_total: {
    labels: ['cache', 'result'],
    help: 'configs, credentials and secrets of tenants fetched, for the first time or again: `done` or `failed`',
  },
  gateway_cache_evictions_total: {
    labels: ['cache'],
    help: 'configs, credentials and secrets of tenants that made room for others',
  },
  gateway_tenant_configs: { labels: [], help: 'tenant configs in memory' },
  gateway_log_lines_lost_total: {
    labels: [],
    help: 'log lines lost because the reader of stdout stalled or went away',
  },
} as const
type MetricName = keyof typeof METRIC_DOCS

/** What is counted for a request. Every value comes from a list of ours, none from a caller. */
export interface Observation {
  /** Trigger or action, if it is one. */
  readonly step: LineFacts['trigger']
  readonly outcome: LineFacts['outcome']
  readonly reason: LineFacts['reason']
  readonly seconds: number
  /** Milliseconds by dependency. */
  readonly upstream: Call['observed']['upstream']
  /** No time was left. */
  readonly isLate: boolean
  /** It failed by a remembered failure, without a call of its own. */
  readonly isRemembered: boolean
}

/** The metrics of one container. */
export interface Metrics {
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
  observe(observation: Observation): void
  /** Where the tenant room's figures come from. */
  watch(stats: () => TenantStats): void
  /** Where the number of lost log lines comes from. */
  watchLines(lost: () => number): void
}

/** In seconds, up to Cognito's five. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4.2, 5]

/** The value of a label for which a request has nothing. */
const NONE = 'none'

const namedAs = (name: MetricName) => ({ name, help: METRIC_DOCS[name].help, labelNames: METRIC_DOCS[name].labels })

/** Counts by trigger or action, outcome and reason. No tenant label: ten thousand of them belong in the log. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = createPending(registry, 'gateway_requests_total')
  const misses = createPending(registry, 'gateway_deadline_misses_total')
  const remembered = createPending(registry, 'gateway_remembered_failures_total')
  const durations = createDurations(registry, 'gateway_request_duration_seconds')
  const dependencies = createDurations(registry, 'gateway_dependency_duration_seconds')

  /** A counter whose figures are kept elsewhere, by label values. */
  function counterOf(name: MetricName, read: () => readonly [labels: Record<string, string>, count: number][]): void {
    new Counter({
      ...namedAs(name),
      registers,
      collect() {
        this.reset()
        for (const [labels, count] of read()) this.inc(labels, count)
      },
    })
  }

  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    observe({ step = 'request', outcome = NONE, reason = NONE, seconds, upstream, isLate, isRemembered }) {
      requests(step, outcome, reason)
      durations(step, seconds)
      for (const [dependency, ms] of Object.entries(upstream)) dependencies(dependency, ms / 1_000)
      if (isLate) misses(step)
      if (isRemembered) remembered(reason)
    },
    watchLines(lost) {
      counterOf('gateway_log_lines_lost_total', () => [[{}, lost()]])
    },
    watch(stats) {
      new Gauge({
        ...namedAs('gateway_tenant_configs'),
        registers,
        collect() {
          this.set(stats().configs)
        },
      })
      counterOf('gateway_cache_evictions_total', () =>
        Object.entries(stats().evictions).map(([cache, count]) => [{ cache }, count]),
      )
      counterOf('gateway_renewals_total', () =>
        Object.entries(stats().renewals).flatMap(([cache, counts]) =>
          Object.entries(counts).map(([result, count]): [Record<string, string>, number] => [{ cache, result }, count]),
        ),
      )
    },
  }
}

/**
 * A counter of requests by the values of its labels, in their order. A look-up by labels costs more than a count, so counts
 * wait here until prom-client's text is read.
 */
function createPending(registry: Registry, name: MetricName): (...values: readonly string[]) => void {
  const pending = new Map<string, { readonly values: readonly string[]; count: number }>()
  const labels = METRIC_DOCS[name].labels
  new Counter({
    ...namedAs(name),
    registers: [registry],
    collect() {
      for (const { values, count } of pending.values())
        this.inc(Object.fromEntries(labels.map((label, index) => [label, values[index] ?? NONE])), count)
      pending.clear()
    },
  })
  return (...values) => {
    const key = values.join(' ')
    const waiting = pending.get(key)
    if (waiting) waiting.count += 1
    else pending.set(key, { values, count: 1 })
  }
}

/** A histogram with one label, whose series are looked up once. */
function createDurations(registry: Registry, name: MetricName): (value: string, seconds: number) => void {
  const [label = ''] = METRIC_DOCS[name].labels
  const durations = new Histogram({ ...namedAs(name), buckets: BUCKETS, registers: [registry] })
  const series = new Map<string, Histogram.Internal<string>>()
  return (value, seconds) => {
    const known = series.get(value) ?? durations.labels({ [label]: value })
    series.set(value, known)
    known.observe(seconds)
  }
}

/** The app behind `METRICS_PORT`: one open route, apart from the door that the world can reach. */
export function createMetricsApp(metrics: Metrics, server: FastifyHttpOptions<Server> = {}): FastifyInstance {
  const app = Fastify({ ...server, genReqId: () => createRequestId(), schemaController: noCompilers })
  app.setNotFoundHandler(async (request, reply) => {
    const { code, message, statusCode } = new RouteUnknown()
    reply.code(statusCode)
    return { code, message, requestId: request.id }
  })
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType)
    return metrics.text()
  })
  return app
}

/** Counts every request that has a closing line. */
export const metricsOf = fp<{ readonly metrics: Pick<Metrics, 'observe'> }>(
  async (app, { metrics }) => {
    app.addHook('onResponse', ({ line, call }, reply, done) => {
      const { quiet, trigger, action, outcome, reason, level } = line
      const { upstream, noted } = call.observed
      if (!quiet)
        metrics.observe({
          step: trigger ?? action,
          outcome,
          reason,
          seconds: reply.elapsedTime / 1_000,
          upstream,
          isLate: call.remainingMs() === 0,
          isRemembered: noted.remembered === true && (level === 'error' || outcome === 'fault'),
        })
      done()
    })
  },
  { name: 'metrics', dependencies: ['logging'] },
)
