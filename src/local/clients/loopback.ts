import { WrongUsage } from '../../terminal/failure.js'

/**
 * Keeps commands of the embedded stack away from everything else.
 * @param name of what holds the address, for the message
 * @throws WrongUsage where there is no address, or one that is not loopback's
 */
export function assertLoopback(name: string, url: string | undefined): string {
  const advice = 'this is for the embedded stack alone; read in an environment file that npm start names'
  if (!url) throw new WrongUsage(`${name} is not set: ${advice}`)
  if (URL.canParse(url) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)) return url
  throw new WrongUsage(`${name} is ${url}, which is not on this machine: ${advice}`)
}
