import type { Server } from 'node:http'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { RouteUnknown } from '../errors.js'
import type { TenantStats } from '../tenant/context.js'
import { createRequestId } from './logging.js'
import { noCompilers } from './validator.js'

interface Labels {
  /** Trigger or action. */
  readonly name: string
  readonly outcome: string
}

export interface Metrics {
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
  observe(labels: Labels, seconds: number): void
  /** Where the tenant room's figures come from. */
  watch(stats: () => TenantStats): void
  /** Where the number of lost log lines comes from. */
  watchLines(lost: () => number): void
}

/** Up to Cognito's five seconds. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4.2, 5]

/** Counts by trigger or action and outcome. No tenant label: ten thousand of them belong in the log. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const labelNames = ['name', 'outcome'] as const
  // A look-up by labels costs more than a count: counts wait here, and prom-client gets them when its text is read.
  // Series are kept.
  const pending = new Map<string, { readonly labels: Labels; count: number }>()
  new Counter({
    name: 'gateway_requests_total',
    help: 'Requests answered',
    labelNames,
    registers,
    collect() {
      for (const { labels, count } of pending.values()) this.inc(labels, count)
      pending.clear()
    },
  })
  const durations = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'Time from request to answer',
    labelNames: ['name'] as const,
    buckets: BUCKETS,
    registers,
  })
  const durationByName = new Map<string, Histogram.Internal<'name'>>()
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    observe(labels, seconds) {
      const key = `${labels.name} ${labels.outcome}`
      const waiting = pending.get(key)
      if (waiting) waiting.count += 1
      else pending.set(key, { labels, count: 1 })
      const duration = durationByName.get(labels.name) ?? durations.labels({ name: labels.name })
      durationByName.set(labels.name, duration)
      duration.observe(seconds)
    },
    watchLines(lost) {
      new Counter({
        name: 'gateway_log_lines_lost_total',
        help: 'Log lines lost because the reader of stdout stalled or went',
        registers,
        collect() {
          this.reset()
          this.inc(lost())
        },
      })
    },
    watch(stats) {
      new Gauge({
        name: 'gateway_tenant_configs',
        help: 'Tenant configs in memory',
        registers,
        collect() {
          this.set(stats().configs)
        },
      })
      new Counter({
        name: 'gateway_cache_evictions_total',
        help: "Tenants' configs, credentials and secrets that made room for others",
        labelNames: ['cache'] as const,
        registers,
        collect() {
          this.reset()
          for (const [cache, count] of Object.entries(stats().evictions)) this.inc({ cache }, count)
        },
      })
    },
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
    app.addHook('onResponse', (request, reply, done) => {
      const { quiet, trigger, action, outcome } = request.line
      const labels = { name: trigger ?? action ?? 'other', outcome: outcome ?? 'unknown' }
      if (!quiet) metrics.observe(labels, reply.elapsedTime / 1_000)
      done()
    })
  },
  { name: 'metrics', dependencies: ['logging'] },
)
