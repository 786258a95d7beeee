import { DOOR_PORT } from '../names.js'

/** Longer than the health check takes to fail: a task that never gets ready has been given up by then. */
const YOUNG_SECONDS = 120

/**
 * Is the container to stay? One that has just started must be ready, or its deployment is rolled back: nothing that it
 * serves would work. An older one must only be alive: a new task fixes no dependency, and would have lost the configs and
 * secrets with which this one goes on while the table fails, for up to 24 h. That is why the load balancer
 * asks for no more either.
 * @param pid the process whose age counts; the container's own is the first of its namespace
 * @param origin where its door is
 */
export function probe(pid = 1, origin = `http://127.0.0.1:${DOOR_PORT}`): string {
  return `
const read = (path) => require('node:fs').readFileSync(path, 'utf8')
let path = '/health/live'
try {
  const startedAt = read('/proc/${pid}/stat').split(') ').pop().split(' ')[19] / 100
  if (read('/proc/uptime').split(' ')[0] - startedAt < ${YOUNG_SECONDS}) path = '/health/ready'
} catch {}
fetch('${origin}' + path).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`
}
