/** Parses the response headers that the client uses. */
import * as Duration from "effect/Duration"

/** About thirty years: in effect for ever, and still a number that JSON can hold. */
const MAX_RETRY_AFTER_SECONDS = 1_000_000_000

/** The two forms of an HTTP date that are still in use. `Date.parse` alone finds a date in nearly any text. */
const httpDate =
  /^[A-Za-z]{3,9},? (?:\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d( GMT)|[A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4})$/

/**
 * Parses `Retry-After` in seconds or as a date. Undefined when absent, negative or invalid; zero when the date has passed.
 */
export const parseRetryAfter = (header: string | undefined, now: number): Duration.Duration | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d+(?:\.\d+)?$/.test(text)) return Duration.seconds(Math.min(Number(text), MAX_RETRY_AFTER_SECONDS))
  const match = httpDate.exec(text)
  if (match === null) return undefined
  // The older form names no zone and means GMT.
  const date = Date.parse(match[1] === undefined ? `${text} GMT` : text)
  return Number.isNaN(date) ? undefined : Duration.millis(Math.max(0, date - now))
}
