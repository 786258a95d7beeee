import { WrongUsage } from '../../terminal/failure.js'

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DAY_MS = UNITS_MS.d
const DURATION = /^(?:\d+[smhd])+$/
const TIME_OF_DAY = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/
const ISO = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** The milliseconds of `90s`, `15m`, `2h30m` or `1d`; nothing if it is none. */
export function durationOf(text: string): number | undefined {
  if (!DURATION.test(text)) return
  const parts = [...text.matchAll(/(\d+)([smhd])/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS], 0)
}

/**
 * The time that a person means: a duration before now, a time of day (the last such time), or a date as ISO 8601 writes it.
 * @param utc a time of day, or a date without a zone, is of UTC; of the local zone otherwise
 * @throws WrongUsage with what is allowed
 */
export function timeOf(text: string, now: number, utc: boolean): number {
  const duration = durationOf(text)
  if (duration !== undefined) return now - duration
  const [, hours, minutes, seconds = '0'] = TIME_OF_DAY.exec(text) ?? []
  if (hours !== undefined) {
    const at = new Date(now)
    const parts = [Number(hours), Number(minutes), Number(seconds), 0] as const
    const time = utc ? at.setUTCHours(...parts) : at.setHours(...parts)
    if (time <= now) return time
    // A day is not always 24 hours long where clocks are changed: the same time of the day before is asked for.
    return utc ? time - DAY_MS : new Date(time).setDate(new Date(time).getDate() - 1)
  }
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(text) || !utc ? text : `${text.includes('T') ? text : `${text}T00:00`}Z`
  const time = ISO.test(text) ? Date.parse(zoned) : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new WrongUsage(`${JSON.stringify(text)} is no time: write 15m, 2h, 02:10, or 2026-11-30T02:10Z`)
}

/** A time as the commands print it, of one width: in UTC as ISO 8601, to the second. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

/** A time to the millisecond: within a second a login has several lines. */
export const exactText = (at: number) => new Date(at).toISOString()

/** What time was asked for, as it was understood: `around …Z, read from …Z to …Z`; nothing if none was. */
export function askedText({ from, to }: { readonly from: number; readonly to: number }, at?: number): string {
  const begin = Number.isFinite(from) ? ` from ${timeText(from)}` : ''
  const end = Number.isFinite(to) ? ` to ${timeText(to)}` : ''
  const around = at === undefined ? [] : [`around ${timeText(at)}`]
  return [...around, ...(begin + end === '' ? [] : [`read${begin}${end}`])].join(', ')
}

/** A span as a person says it: `40 s`, `12 min`, `3 h 5 min`, `2 d`. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / UNITS_MS.s)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(ms / UNITS_MS.m)
  if (minutes < 90) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.round(hours / 24)} d`
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}
