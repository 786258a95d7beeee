import { randomUUID } from 'node:crypto'

/**
 * Characters that a terminal obeys or does not show, so that a text by others could clear it, hide or reorder what stands
 * beside it, or seem to be two lines: C0 and C1 controls, DEL, bidi controls, line and paragraph separators, and characters
 * of no width. Line feed and tab are layout of our own; {@link inLine} is for values that must not hold them either.
 */
const OBEYED = '(?![\\n\\t])[\\p{Cc}\\p{Zl}\\p{Zp}\\p{Bidi_Control}\\u200b\\u2060\\ufeff]'
const obeyed = new RegExp(OBEYED, 'gu')
const obeyedInLine = new RegExp(`[\\n\\t]|${OBEYED}`, 'gu')

/** Stands before each control character of our own until it is written. Drawn anew by every process: no text by others has it. */
const OWN = `\u001b${randomUUID()}`
const ownOrObeyed = new RegExp(`${OWN}(.)|${OBEYED}`, 'gsu')

/** As JSON, YAML in double quotes, HCL and a shell's `$'…'` write a character: what a program reads stays what it was. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Does a text hold characters that are never written as they are, line breaks included? */
export function isObeyed(text: string): boolean {
  return text.search(obeyedInLine) >= 0
}

/** A value by others as a part of one line: its line breaks and tabs are written out too, so that it cannot pass for a line of ours. */
export function inLine(text: string): string {
  return text.replace(obeyedInLine, escaped)
}

/** Control characters of our own, as of a colour, that {@link cleaned} lets through. */
export function own(text: string): string {
  return text.replace(obeyed, (character) => OWN + character)
}

/** A text as it goes out: control characters of our own as they are, all others written out. */
export function cleaned(text: string): string {
  return text.replace(ownOrObeyed, (character: string, ours: string | undefined) => ours ?? escaped(character))
}
