import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What a process takes up. */
export interface Use {
  readonly rssMb: number
  readonly sockets: number
  /** Of one core, in percent. */
  readonly cpu: number
}

/** Of Linux, on every platform that Node runs on. */
const TICKS_PER_SECOND = 100

/** Looks at a process now and then, from outside. Linux only. */
export function watchProcess(pid: number) {
  const folder = `/proc/${pid}/fd`
  const others = readdirSync(folder).filter((name) => !isSocket(`${folder}/${name}`)).length
  const cpuSeconds = () => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }
  /** Which of its files are sockets is asked once: to ask for thousands would be work while others measure. */
  const use = () => ({
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024,
    sockets: readdirSync(folder).length - others,
  })
  return {
    /** The most of what it takes up from now until the returned function is called. */
    most(): () => Use {
      let most = use()
      const [startedAt, before] = [performance.now(), cpuSeconds()]
      const timer = setInterval(() => {
        const now = use()
        most = { rssMb: Math.max(most.rssMb, now.rssMb), sockets: Math.max(most.sockets, now.sockets) }
      }, 500)
      return () => {
        clearInterval(timer)
        const seconds = (performance.now() - startedAt) / 1_000
        return { ...most, cpu: (100 * (cpuSeconds() - before)) / seconds }
      }
    },
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}
