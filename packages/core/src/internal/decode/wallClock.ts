/** Exotel's times: a wall clock without a zone, and half a dozen ways to say "not yet". */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/** `YYYY-MM-DD HH:mm:ss`; with a `T`, a fraction or a zone it is still a time, though nobody has seen Exotel send one. */
const form = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/

/** Up to this year a time is a sentinel: `1970-01-01 05:30:00`, `0001-01-01T00:00:00Z`, `0000-00-00 00:00:00`. */
const LAST_SENTINEL_YEAR = 1970

const MINUTE = 60_000

const offsetOf = (zone: string): number => {
  if (zone === "Z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return (zone.startsWith("-") ? -minutes : minutes) * MINUTE
}

/** `undefined` when the text is no time, none when it is a sentinel. */
export const parseWallClock = (
  text: string,
  timeZone: DateTime.TimeZone
): Option.Option<DateTime.Zoned> | undefined => {
  const match = form.exec(text)
  if (match === null) return undefined
  const [, y, mo, d, h, mi, s, fraction, zone] = match
  const year = Number(y)
  if (year <= LAST_SENTINEL_YEAR) return Option.none()
  const month = Number(mo) - 1
  const day = Number(d)
  const hour = Number(h)
  const minute = Number(mi)
  const second = Number(s)
  if (month < 0 || month > 11 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined
  const millis = fraction === undefined ? 0 : Math.trunc(Number(`0.${fraction}`) * 1000)
  const wall = Date.UTC(year, month, day, hour, minute, second, millis)
  // Date.UTC turns 31 April into 1 May; a time that does not exist is no time.
  if (day > 28 && new Date(wall).getUTCDate() !== day) return undefined
  // A year of four digits is always within DateTime's range.
  const utc = DateTime.unsafeMake(zone === undefined ? wall : wall - offsetOf(zone))
  return Option.some(DateTime.setZone(utc, timeZone, { adjustForTimeZone: zone === undefined }))
}

/** `YYYY-MM-DD HH:mm:ss` in the account's zone, as filters want it. */
export const formatWallClock = (epochMillis: number, timeZone: DateTime.TimeZone): string =>
  DateTime.formatIsoOffset(DateTime.setZone(DateTime.unsafeMake(epochMillis), timeZone)).slice(0, 19).replace("T", " ")
