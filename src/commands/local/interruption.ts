/**
 * Aborts when the process is told to end, and keeps that from happening at once; a second time it does. Nobody who reads
 * on is a word too, as of `head`.
 */
export function listenForInterruption(): AbortSignal {
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
