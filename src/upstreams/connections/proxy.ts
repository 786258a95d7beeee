import { BlockList, isIP } from 'node:net'
import type { Proxies } from '../../env.js'

/** Where a request goes. */
export interface Target {
  /** With the colon. */
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | string | undefined
}

/** This machine and link-local addresses, where credentials come from: never called through a proxy. */
const near = new BlockList()
near.addSubnet('127.0.0.0', 8)
near.addSubnet('169.254.0.0', 16)
near.addAddress('::1', 'ipv6')
near.addSubnet('fe80::', 10, 'ipv6')
// Where EC2 and EKS answer over IPv6.
near.addSubnet('fd00:ec2::', 32, 'ipv6')

/** The proxy through which a target is reached; undefined: none. */
export function proxyFor(target: Target, { httpProxy, httpsProxy, noProxy }: Proxies): string | undefined {
  const proxy = target.protocol === 'https:' ? httpsProxy : httpProxy
  if (proxy === undefined) return undefined
  const host = target.hostname.toLowerCase().replace(/^\[|\]$/g, '')
  if (isNear(host)) return undefined
  const port = String(target.port || (target.protocol === 'https:' ? 443 : 80))
  return noProxy?.some((pattern) => fits(pattern, host, port)) ? undefined : proxy
}

function isNear(host: string): boolean {
  const version = isIP(host)
  if (version === 0) return host === 'localhost' || host.endsWith('.localhost')
  return near.check(host, version === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Does a pattern fit a host? `*` fits all; a name fits the host and all below it, with or without a dot or `*.` in front; a
 * port may follow.
 */
function fits(pattern: string, host: string, port: string): boolean {
  const [, name = '', only = port] =
    /^(.*?)(?::(\d+))?$/.exec(isIP(pattern) === 6 ? `${pattern}:${port}` : pattern) ?? []
  if (only !== port) return false
  const bare = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '')
  return name === '*' || host === bare || host.endsWith(`.${bare}`)
}

/** A proxy that made no tunnel, in words that name the proxy: nobody should look for the fault at the target. */
export class ProxyFault extends Error {
  // Printed without a name of its own: its text says what it is.
  override readonly name = 'Error'

  /**
   * @param code Node's name for a fault of the network, or {@link PROXY_REFUSED}
   * @param status what the proxy answered to CONNECT; undefined: nothing
   */
  constructor(
    message: string,
    readonly code: string | undefined,
    readonly status?: number,
  ) {
    super(message)
  }
}

/** Error code of a proxy that answered, and made no tunnel. */
export const PROXY_REFUSED = 'PROXY_REFUSED'

/** What the two libraries say of a proxy that answers CONNECT with another status than 200. */
const refused = /^(?:Bad response: (\d+)|Proxy response \((\d+)\) !== 200 when HTTP Tunneling)$/

/**
 * A fault of the way through a proxy, in words that name the proxy without its name and password.
 * @param isWay the fault is known to be the proxy's; otherwise only one that shows so is taken for it
 */
export function proxyFault(error: unknown, proxy: string, target: string, isWay = false): unknown {
  if (!(error instanceof Error)) return error
  const { message, code, syscall } = error as NodeJS.ErrnoException
  const { protocol, host } = new URL(proxy)
  const name = `the proxy ${protocol}//${host}`
  const [, one, other] = refused.exec(message) ?? []
  const status = one ?? other
  if (status !== undefined) {
    return new ProxyFault(`${name} answered ${status} to CONNECT ${target}`, PROXY_REFUSED, Number(status))
  }
  // The only connection that is made, and the only name that is looked up, is the proxy's.
  if (!isWay && syscall !== 'connect' && syscall !== 'getaddrinfo') return error
  const isSilent = message === 'Proxy timeout'
  return new ProxyFault(
    isSilent ? `${name} does not answer` : `${name} could not be used: ${message}`,
    isSilent ? 'ETIMEDOUT' : code,
  )
}

/** {@link proxyFault}'s words in a text: the SDK's sources of credentials keep nothing else of an error. */
const words = /the proxy \S+ (?:answered (\d+) to CONNECT \S+|could not be used: .*|does not answer)/

/** The proxy's fault that a text names; undefined if it names none. */
export function proxyFaultIn(text: string): ProxyFault | undefined {
  const [said, status] = words.exec(text) ?? []
  return said === undefined
    ? undefined
    : new ProxyFault(said, undefined, status === undefined ? status : Number(status))
}
