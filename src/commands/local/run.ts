import { join } from 'node:path'
import type { MakeKeyPair } from '../../local/aws/key-pairs.js'
import type { Service } from '../../local/stack.js'
import { createScene } from '../../local/story/scene.js'
import type { StepReport } from '../../local/story/step.js'
import { tellStory } from '../../local/story/story.js'
import {
  doorsText,
  doorText,
  headingText,
  incidentText,
  newcomerText,
  restText,
  serviceText,
  siteText,
  stepText,
  suggestionsText,
  summaryText,
  tenantsText,
} from '../../local/story/text.js'
import { suggestions } from '../../local/story/try-next.js'
import type { Example } from '../../local/world/example.js'
import { startPageAt } from '../../local/world/ports.js'
import { writeShellFiles } from '../../local/world/shell-files.js'
import type { TenantChange } from '../../local/world/workspace.js'
import { type Door, openWorld, type World } from '../../local/world/world.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { inLine } from '../../terminal/clean.js'
import { type CommandIo, createPaint, type Output, type Paint } from '../../terminal/io.js'
import { textAt } from '../../terminal/text.js'
import { tellIncident } from './incident.js'
import { loadTenants } from './load-tenants.js'

/** What `local` was called with. */
export interface LocalOptions {
  /** Port of the first service; 0 stands for any free port for each. */
  readonly port: number
  readonly once?: true
  readonly json?: true
  readonly logs?: true
}

/** The story of one tenant, told. */
interface Told {
  readonly tenantId: string
  readonly flow: string
  readonly steps: readonly StepReport[]
}

interface Session {
  /** Folder of the tenant files. */
  readonly dir: string
  readonly options: LocalOptions
  readonly io: CommandIo
  /** Where key pairs come from. */
  readonly makeKeyPair: MakeKeyPair
}

/** How a session is ended, and what it tells of that. */
interface Course {
  readonly interruption: AbortSignal
  onClose(close: () => Promise<unknown>): void
  onLeft(dir: string, names: readonly string[]): void
}

/** Runs the whole service on this machine until its story is told (`--once`) or it is stopped. */
export async function runLocal(session: Session): Promise<void> {
  const { io } = session
  const interruption = listenForInterruption()
  const closing = createClosing()
  const mute = { ...io, stdout: muted(io.stdout, interruption), stderr: muted(io.stderr, interruption) }
  let left = ''
  const onLeft = (dir: string, names: readonly string[]) => {
    left = leftText(dir, names)
  }
  const running = runSession({ ...session, io: mute }, { interruption, onClose: closing.add, onLeft })
  try {
    await Promise.race([running, aborted(interruption)])
  } finally {
    // What still runs fails now, because all is closed; that needs no report.
    running.catch(() => undefined)
    await closing.close()
  }
  if (interruption.aborted) io.stdout.write(`${io.stdout.isTTY ? '\n' : ''}stopped\n${textAt(0, left, io.stdout)}`)
}

/** What became of the files: those of the stack work no longer, and all others are whoever wrote them's. */
function leftText(dir: string, names: readonly string[]): string {
  if (names.length === 0) return `${dir} is deleted: all in it was this stack's\n`
  return `deleted: its settings and copies of tenant files; kept in ${dir}: ${names.map((name) => inLine(name)).join(', ')}\n`
}

/** Closes what a session opened, the last first. What it still opens after that is closed at once, and the session fails. */
function createClosing() {
  const open: (() => Promise<unknown>)[] = []
  let closed = false
  return {
    add(close: () => Promise<unknown>): void {
      open.push(close)
      if (!closed) return
      void closeAll()
      throw new Error('stopped while it was starting')
    },
    close(): Promise<void> {
      closed = true
      return closeAll()
    },
  }

  async function closeAll(): Promise<void> {
    for (let close = open.pop(); close; close = open.pop()) await close()
  }
}

async function runSession(session: Session, { interruption, onClose, onLeft }: Course): Promise<void> {
  const { dir, options, io, makeKeyPair } = session
  const { json = false, logs = false, once = false, port } = options
  const paint = createPaint(io.stdout, io.env)
  // With --json only the document goes to stdout.
  const page = json ? { write: () => true } : io.stdout
  const opening = once ? undefined : openSite(io.built, port, onClose)
  // It is awaited later; a failure before that must not end the process.
  opening?.catch(() => undefined)
  const onStarted = (name: Service, url: string) => void page.write(serviceText(name, url, paint))
  const world = await openWorld({ dir, built: io.built, port, logs, json, io, onClose, onLeft, makeKeyPair, onStarted })
  if (!world) return
  const site = await opening
  const newcomer = await writeShellFiles(world)
  // With --once, the files are gone before they could be used.
  if (newcomer && !once) page.write(newcomerText(newcomer, world, paint))
  page.write(tenantsText(world, paint))
  if (!(await loadTenants(world, dir, { ...io, stdout: page }, site?.changesOf))) return
  page.write(doorsText(paint))
  const door = await world.door
  page.write(doorText({ ...world, ...door }, logs, paint))
  const told = await tellStories({ ...world, ...door }, page, paint, interruption)
  if (once && told.some(({ steps }) => steps.some(({ ok }) => !ok))) io.foundProblems()
  if (json) return writeAnswer(io, 'local', { tenants: told.map(toJson) })
  page.write(summaryText(told, paint))
  if (once) return
  const examples = world.examples.filter(({ tenant }) => tenant.status === 'active')
  site?.serve(world, door)
  if (site) page.write(siteText(site.url, paint))
  const program = join(io.built, 'cli.mjs')
  page.write(suggestionsText(suggestions({ ...world, ...door, examples, dir, program, logged: !logs }), paint))
  await aborted(interruption)
}

/** The page of the demo, and what it asks of the tenants' files; loaded only if it stays up long enough to be used. */
async function openSite(built: string, base: number, onClose: (close: () => Promise<unknown>) => void) {
  const { connectTokensFor, serveDemo, startDemo } = await import('../../local/demo/index.js')
  const server = await startPageAt(base, (port) => startDemo(built, port))
  onClose(server.stop)
  return {
    url: server.url,
    changesOf(example: Example): readonly TenantChange[] {
      const value = connectTokensFor(example, server.url)
      return value === undefined ? [] : [{ path: ['connectTokens'], value }]
    },
    serve: (world: World, door: Door) => serveDemo(server, { world, door, built }),
  }
}

/** One tenant after the other, each step printed as it ends; at the end, an incident of the last one. */
async function tellStories(
  world: World & Door,
  page: Output,
  paint: Paint,
  interruption: AbortSignal,
): Promise<Told[]> {
  const { triggerCalls } = world.stack.cognito
  const last = world.examples.findLast(({ tenant }) => tenant.status === 'active')
  const told: Told[] = []
  for (const example of world.examples) {
    const { tenantId, status, login } = example.tenant
    if (status !== 'active') {
      page.write(restText(example, paint))
      continue
    }
    const steps: StepReport[] = []
    const scene = createScene({ ...world, example, triggerCalls })
    const parts = [{ heading: headingText(example, paint), steps: tellStory(scene) }]
    if (example === last) parts.push({ heading: incidentText(example, paint), steps: tellIncident(scene, world.admin) })
    for (const part of parts) {
      page.write(part.heading)
      for await (const report of part.steps) {
        if (interruption.aborted) return told
        steps.push(report)
        page.write(stepText(report, paint))
      }
    }
    told.push({ tenantId, flow: login?.flow ?? 'passkey', steps })
  }
  return told
}

function toJson({ steps, ...tenant }: Told) {
  const rounded = (ms: number) => Math.round(ms * 10) / 10
  return {
    ...tenant,
    steps: steps.map(({ detailed: _detailed, triggers, ms, ...step }) => ({
      ...step,
      ms: rounded(ms),
      triggers: triggers.map((call) => ({ ...call, ms: rounded(call.ms) })),
    })),
  }
}

function muted(output: Output, signal: AbortSignal): Output {
  return { isTTY: output.isTTY, write: (text) => signal.aborted || output.write(text) }
}

/**
 * Aborts when a signal asks the process to end, which then ends in order; a second signal ends it at once. It aborts too
 * when its output is no longer read, as by `head`.
 */
function listenForInterruption(): AbortSignal {
  const controller = new AbortController()
  process.stdout.once('error', () => controller.abort())
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
