import { join } from 'node:path'
import { createScene } from '../../local/story/scene.js'
import type { StepReport } from '../../local/story/step.js'
import { tellStory } from '../../local/story/story.js'
import {
  headingText,
  newcomerText,
  restText,
  servicesText,
  stepText,
  suggestionsText,
  summaryText,
  tenantsText,
} from '../../local/story/text.js'
import { suggestions } from '../../local/story/try-next.js'
import { writeShellFiles } from '../../local/world/shell-files.js'
import { openWorld, type World } from '../../local/world/world.js'
import { type CommandIo, createPaint, type Output, type Paint, writeJson } from '../../terminal/io.js'
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
  readonly dir: string
  readonly options: LocalOptions
  readonly io: CommandIo
}

/** Runs the whole service on this machine until its story is told (`--once`) or somebody stops it. */
export async function runLocal(dir: string, options: LocalOptions, io: CommandIo): Promise<void> {
  const interruption = listenForInterruption()
  const closing: (() => Promise<unknown>)[] = []
  const mute = { ...io, stdout: muted(io.stdout, interruption), stderr: muted(io.stderr, interruption) }
  const session = runSession({ dir, options, io: mute }, interruption, (close) => closing.push(close))
  try {
    await Promise.race([session, aborted(interruption)])
  } finally {
    // Whatever still runs now meets closed doors, and nobody wants to hear of it.
    session.catch(() => undefined)
    for (const close of closing.reverse()) await close()
  }
  if (interruption.aborted) io.stdout.write(io.stdout.isTTY ? '\nstopped\n' : 'stopped\n')
}

async function runSession(
  session: Session,
  interruption: AbortSignal,
  onClose: (close: () => Promise<unknown>) => void,
): Promise<void> {
  const { dir, options, io } = session
  const { json = false, logs = false, once = false, port } = options
  const paint = createPaint(io.stdout, io.env)
  // With --json only the document goes to stdout.
  const page = json ? { write: () => true } : io.stdout
  const world = await openWorld({ dir, built: io.built, port, logs, json, io, onClose })
  if (!world) return
  const newcomer = await writeShellFiles(world)
  page.write(servicesText(world, logs, paint))
  // With --once, the files are gone before anybody could use them.
  if (newcomer && !once) page.write(newcomerText(newcomer, world, paint))
  page.write(`\n${tenantsText(world, paint)}`)
  if (!(await loadTenants(world, dir, { ...io, stdout: page }))) return
  const told = await tellStories(world, page, paint, interruption)
  if (once && told.some(({ steps }) => steps.some(({ ok }) => !ok))) io.foundProblems()
  if (json) return writeJson(io.stdout, { tenants: told.map(toJson) })
  page.write(summaryText(told, paint))
  if (once) return
  const examples = world.examples.filter(({ tenant }) => tenant.status === 'active')
  const program = join(io.built, 'cli.mjs')
  page.write(suggestionsText(suggestions({ ...world, examples, dir, program, logged: !logs }), paint))
  await aborted(interruption)
}

/** One tenant after the other, each step printed as it ends. */
async function tellStories(world: World, page: Output, paint: Paint, interruption: AbortSignal): Promise<Told[]> {
  const { triggerCalls } = world.stack.cognito
  const told: Told[] = []
  for (const example of world.examples) {
    const { tenantId, status, login } = example.tenant
    if (status !== 'active') {
      page.write(restText(example, paint))
      continue
    }
    const steps: StepReport[] = []
    page.write(headingText(example, paint))
    for await (const report of tellStory(createScene({ ...world, example, triggerCalls }))) {
      if (interruption.aborted) return told
      steps.push(report)
      page.write(stepText(report, paint))
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
 * Aborts when the process is told to end, and keeps that from happening at once; a second time it does. Nobody who reads
 * on is a word too, as of `head`.
 */
function listenForInterruption(): AbortSignal {
  const controller = new AbortController()
  process.stdout.once('error', () => controller.abort())
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

/** Resolves when the signal is aborted, if ever. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
