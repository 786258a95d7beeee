/** JSON as text, for events that go back as they came: neither printed again nor rebuilt as objects of ours. */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT, COMMA] = [0x5b, 0x5d, 0x7b, 0x7d, 0x2c]

interface Span {
  readonly start: number
  readonly end: number
}

/** Does the text open more brackets at once than `levels`? The text need not be valid. */
export function isNestedBeyond(text: string, levels: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at) - 1
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth += 1
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1
    if (depth > levels) return true
  }
  return false
}

/**
 * The text of a member of a JSON object; undefined if it is missing. Of several with that name it is the last, as for
 * JSON.parse.
 */
export function memberText(text: string, name: string): string | undefined {
  const last = membersNamed(text, name).at(-1)
  return last && text.slice(last.start, last.end)
}

/**
 * The text with another value for a member, which is added if it is missing.
 * @param text a valid JSON object
 * @param value JSON too
 */
export function withMember(text: string, name: string, value: string): string {
  const spans = membersNamed(text, name)
  if (spans.length === 0) return withNewMember(text, name, value)
  let done = 0
  let result = ''
  for (const { start, end } of spans) {
    result += text.slice(done, start) + value
    done = end
  }
  return result + text.slice(done)
}

function withNewMember(text: string, name: string, value: string): string {
  const before = text.slice(0, text.lastIndexOf('}')).trimEnd()
  return `${before}${before.endsWith('{') ? '' : ','}${JSON.stringify(name)}:${value}}`
}

/** Where the values of an object's own members with this name stand. */
function membersNamed(text: string, name: string): Span[] {
  const spans: Span[] = []
  let at = text.indexOf('{')
  do {
    at = afterSpace(text, at + 1)
    if (text.charCodeAt(at) !== QUOTE) break
    const endOfKey = endOfString(text, at)
    const start = afterSpace(text, afterSpace(text, endOfKey) + 1)
    const end = endOfValue(text, start)
    if (nameIn(text.slice(at, endOfKey)) === name) spans.push({ start, end })
    at = afterSpace(text, end)
  } while (text.charCodeAt(at) === COMMA)
  return spans
}

/** A name may be written with escapes. */
function nameIn(key: string): string {
  return key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1)
}

function afterSpace(text: string, start: number): number {
  let at = start
  while (' \t\r\n'.includes(text.charAt(at)) && at < text.length) at += 1
  return at
}

/** @param start where the string's first quote stands */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at + 1
}

function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at) - 1
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth += 1
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1
    if (depth < 0) return at
    if (depth > 0) continue
    if (code === COMMA) return at
    // A string, a list or an object ends with this character; a number or a word goes on.
    if (code === QUOTE || code === CLOSE_LIST || code === CLOSE_OBJECT) return at + 1
  }
  return text.length
}
