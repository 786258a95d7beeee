/** What the page asks its own server. */
import type { DemoProblem } from '../api.js'

/** This tab, by which the panel knows its calls from those of another one. */
export const TAB = crypto.randomUUID().slice(0, 8)

/** What is answered; a problem too if nothing is. */
export async function ask<T extends object>(path: string, init?: RequestInit): Promise<T | DemoProblem> {
  try {
    const answer = await fetch(path, init)
    return await answer.json()
  } catch {
    return { code: 'no_answer', message: 'The demo does not answer.' }
  }
}

/** Sends JSON. */
export const jsonOf = (body: object, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})
