import { fork } from 'node:child_process'
import { once } from 'node:events'

/** All dependencies of a gateway at one address, in a process of their own: world.mjs. */
export interface Services {
  readonly url: string
  /** Hands over a message, such as the record that every pool has (`template`), and waits until it has been obeyed. */
  ask(message: object): Promise<{ counts: Record<string, number> }>
  stop(): void
}

export async function startServices(): Promise<Services> {
  const child = fork('test/bench/soak/world.mjs')
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  async function ask(message: object) {
    child.send(message)
    const [answer] = await once(child, 'message')
    return answer as { counts: Record<string, number> }
  }
  return { url: `http://127.0.0.1:${port}`, ask, stop: () => child.disconnect() }
}
