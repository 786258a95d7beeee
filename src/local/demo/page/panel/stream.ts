import { type DemoConfig, PATHS, type TraceEvent } from '../../api.js'
import { ask } from '../ask.js'
import { byId, el } from '../dom.js'

/**
 * Passes on what the server tells, for as long as the page is open. When it comes back as another start of the demo, the
 * page begins again: nothing of the old one works any more.
 */
export function followTrace(start: string, take: (event: TraceEvent) => void): void {
  const away = el('p', { class: 'banner bad' })
  away.append('The demo does not answer. If it has ended, start it again with ', el('code', {}, 'npm start'), '.')
  const source = new EventSource(`${PATHS.trace}?after=0`)
  let lost = false
  source.addEventListener('message', ({ data }) => {
    const event: TraceEvent = JSON.parse(String(data))
    take(event)
  })
  source.addEventListener('error', () => {
    if (lost) return
    lost = true
    byId('banners').append(away)
  })
  source.addEventListener('open', () => {
    if (!lost) return
    lost = false
    away.remove()
    void ask<DemoConfig>(PATHS.config).then((config) => {
      if ('start' in config && config.start !== start) location.reload()
    })
  })
}
