import { BlockList, isIP } from 'node:net'
import type { Proxies } from '../../env.js'

/** Where something is asked for. */
export interface Target {
  /** With the colon. */
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | string | undefined
}

/** This machine, and addresses that are valid on its own link alone: where credentials come from. */
const near = new BlockList()
near.addSubnet('127.0.0.0', 8)
near.addSubnet('169.254.0.0', 16)
near.addAddress('::1', 'ipv6')
near.addSubnet('fe80::', 10, 'ipv6')
// EC2's and EKS's own, at which they answer over IPv6.
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

/** `*`; a host with all below it, with or without a dot or `*.` before it; each with a port or without. */
function fits(pattern: string, host: string, port: string): boolean {
  const [, name = '', only = port] =
    /^(.*?)(?::(\d+))?$/.exec(isIP(pattern) === 6 ? `${pattern}:${port}` : pattern) ?? []
  if (only !== port) return false
  const bare = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '')
  return name === '*' || host === bare || host.endsWith(`.${bare}`)
}
