import { inLine } from '../../terminal/clean.js'

/** Markup of our own; any other text becomes part of it only through {@link html}. */
export interface Markup {
  readonly markup: string
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string) => inLine(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

type Value = Markup | string | number | undefined | readonly Value[]

function textOf(value: Value): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number') return String(value)
  return 'markup' in value ? value.markup : value.map(textOf).join('')
}

/** A piece of HTML or SVG: whatever is put into it is text, unless it is a piece itself, or a list of them. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return { markup: parts.map((part, index) => part + textOf(values[index])).join('') }
}

/** A whole number as a person reads it: 28,547. */
export const grouped = (value: number) => value.toLocaleString('en-GB')

/** A sentence whose words in backticks are names or commands. */
export const prose = (text: string): Markup =>
  html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`

/** Text of ours, such as a style, that stands in the page as it is. */
export const verbatim = (text: string): Markup => ({ markup: text })

/** A table that a keyboard can scroll if it is wider than the page. A name that ends in `#` is of numbers, in `~` of sentences. */
export function table(
  caption: string,
  names: readonly string[],
  rows: readonly (readonly (Markup | string | number | undefined)[])[],
): Markup {
  const classes = names.map((name) => (name.endsWith('#') ? 'n' : name.endsWith('~') ? 'prose' : undefined))
  const cell = (index: number) => classes[index] && verbatim(` class="${classes[index]}"`)
  const head = names.map((name, index) => html`<th scope="col"${cell(index)}>${name.replace(/[#~]$/, '')}</th>`)
  const body = rows.map(
    (
      row,
    ) => html`<tr>${row.map((value, index) => html`<td${cell(index)}>${typeof value === 'number' ? grouped(value) : value}</td>`)}</tr>
`,
  )
  return html`<div class="wide" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption>
<thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div>
`
}
