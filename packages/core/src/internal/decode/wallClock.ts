/** Parses and formats Exotel's times: a wall clock without a zone, or one of several values for an unset time. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/** `YYYY-MM-DD HH:mm:ss`. A `T`, a fraction or an offset is accepted, although no capture has one. Offsets as in RFC 3339. */
const form = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/

/** Up to this year a time stands for an unset one: `1970-01-01 05:30:00`, `0001-01-01T00:00:00Z`, `0000-00-00 00:00:00`. */
const LAST_SENTINEL_YEAR = 1970

const MINUTE = 60_000

const offsetMillis = (zone: string): number => {
  if (zone === "Z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return (zone.startsWith("-") ? -minutes : minutes) * MINUTE
}

/** Returns undefined when the text is no time, none when it stands for an unset time. */
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
  // Date.UTC reads 31 April as 1 May; such a time is invalid.
  if (day > 28 && new Date(wall).getUTCDate() !== day) return undefined
  // A year of four digits is within DateTime's range.
  const utc = DateTime.unsafeMake(zone === undefined ? wall : wall - offsetMillis(zone))
  return Option.some(DateTime.setZone(utc, timeZone, { adjustForTimeZone: zone === undefined }))
}

/** Formats `YYYY-MM-DD HH:mm:ss` in the account's zone, the form of filters. */
export const formatWallClock = (epochMillis: number, timeZone: DateTime.TimeZone): string =>
  DateTime.formatIsoOffset(DateTime.setZone(DateTime.unsafeMake(epochMillis), timeZone)).slice(0, 19).replace("T", " ")
