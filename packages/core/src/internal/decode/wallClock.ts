/** Parses and formats Exotel's times: a wall clock without a zone, or one of several values for an unset time. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/** `YYYY-MM-DD HH:mm:ss`. A `T`, a fraction or an offset is accepted, although no capture has one. Offsets as in RFC 3339. */
const form = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/

/** Up to this year a time stands for an unset one: `1970-01-01 05:30:00`, `0001-01-01T00:00:00Z`, `0000-00-00 00:00:00`. */
const LAST_SENTINEL_YEAR = 1970

/** Returns undefined when the text is no time, none when it stands for an unset time. */
export const parseWallClock = (
  text: string,
  timeZone: DateTime.TimeZone
): Option.Option<DateTime.Zoned> | undefined => {
  if (!form.test(text)) return undefined
  if (Number(text.slice(0, 4)) <= LAST_SENTINEL_YEAR) return Option.none()
  const date = text.slice(0, 10)
  const time = text.slice(11)
  const isZoned = /[Z+-]/.test(time)
  const utc = DateTime.make(`${date}T${time}${isZoned ? "" : "Z"}`)
  // JavaScript reads 24:00 as the next day and 31 April as 1 May; such a time is invalid.
  const isInvalid = Option.isNone(utc) || time.startsWith("24") ||
    new Date(`${date}T00:00Z`).getUTCDate() !== Number(date.slice(8))
  if (isInvalid) return undefined
  return Option.some(DateTime.setZone(utc.value, timeZone, { adjustForTimeZone: !isZoned }))
}

/** Formats `YYYY-MM-DD HH:mm:ss` in the account's zone, the form of filters. */
export const formatWallClock = (epochMillis: number, timeZone: DateTime.TimeZone): string =>
  DateTime.formatIsoOffset(DateTime.setZone(DateTime.unsafeMake(epochMillis), timeZone)).slice(0, 19).replace("T", " ")
