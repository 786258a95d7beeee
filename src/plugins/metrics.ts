import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { TenantStats } from '../tenant/context.js'
import { noCompilers } from './validator.js'

export interface Metrics {
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
  observe(labels: { readonly name: string; readonly outcome: string }, seconds: number): void
  /** Where the tenant room's figures come from. */
  watch(stats: () => TenantStats): void
}

/** Up to Cognito's five seconds. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4.2, 5]

/** Counts by trigger or action and outcome. No tenant label: ten thousand of them belong in the log. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const labelNames = ['name', 'outcome'] as const
  const requests = new Counter({ name: 'gateway_requests_total', help: 'Requests answered', labelNames, registers })
  const durations = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'Time from request to answer',
    labelNames: ['name'] as const,
    buckets: BUCKETS,
    registers,
  })
  // Looking a series up by its labels costs more than counting; there are a few dozen of them.
  const seriesByKey = new Map<string, { count: Counter.Internal; duration: Histogram.Internal<'name'> }>()
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    observe({ name, outcome }, seconds) {
      const key = `${name} ${outcome}`
      const series = seriesByKey.get(key) ?? {
        count: requests.labels({ name, outcome }),
        duration: durations.labels({ name }),
      }
      seriesByKey.set(key, series)
      series.count.inc()
      series.duration.observe(seconds)
    },
    watch(stats) {
      const gauge = (name: string, help: string, read: () => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(read())
          },
        })
      gauge('gateway_tenant_configs', 'Tenant configs in memory', () => stats().configs)
      gauge('gateway_tenant_config_evictions', 'Tenant configs that made room for others', () => stats().evictions)
    },
  }
}

/** The app behind `METRICS_PORT`: one open route, apart from the door that the world can reach. */
export function createMetricsApp(metrics: Metrics): FastifyInstance {
  const app = Fastify({ schemaController: noCompilers })
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
