import { NotPossible } from '../../terminal/failure.js'
import { type Container, type ContainerOptions, startContainer } from '../gateway/container.js'
import { SERVICES, type Service, type Stack, type StackOptions, startStack } from '../stack.js'

/** Far enough for all services of a second stack, and easy to type. */
const NEXT_BASE = 1_000

/**
 * Starts the stack on consecutive ports in the order of {@link SERVICES}; 0 stands for any free ones.
 * @throws NotPossible naming port, service and what to do, if a port is taken
 */
export async function startStackAt(base: number, options: Omit<StackOptions, 'portOf'>): Promise<Stack> {
  const portOf = (service: Service) => (base === 0 ? 0 : base + SERVICES.indexOf(service))
  try {
    return await startStack({ ...options, portOf })
  } catch (error) {
    throw takenPort(error, base) ?? error
  }
}

/**
 * Starts the container door on the port after the stack's; 0 stands for any free one.
 * @throws NotPossible, naming the port if it is taken
 */
export async function startContainerAt(base: number, { env, ...options }: ContainerOptions): Promise<Container> {
  const PORT = String(base === 0 ? 0 : base + SERVICES.length)
  try {
    return await startContainer({ ...options, env: { ...env, HOST: '127.0.0.1', PORT } })
  } catch (error) {
    throw takenPort(error, base) ?? error
  }
}

/**
 * Starts the demo's page on the port after the container door's; 0 stands for any free one.
 * @throws NotPossible, naming the port if it is taken
 */
export async function startPageAt<T>(base: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(base === 0 ? 0 : base + SERVICES.length + 1)
  } catch (error) {
    throw takenPort(error, base) ?? error
  }
}

/** What listens on the ports after the services'. */
const OTHERS = ['container door', "demo's page"] as const

function takenPort(error: unknown, base: number): NotPossible | undefined {
  if (!(error instanceof Error && 'code' in error && 'port' in error) || error.code !== 'EADDRINUSE') return undefined
  const ordinal = Number(error.port) - base
  const service = SERVICES[ordinal]
  const other = base + NEXT_BASE <= 65_500 ? base + NEXT_BASE : base - NEXT_BASE
  const what = `Port ${error.port} (${service ? `${service} stand-in` : OTHERS[ordinal - SERVICES.length]}) is taken.`
  return new NotPossible(`${what} Stop what listens there, or choose another base: npm start -- --port ${other}`)
}
