/** Exotel's times are a wall clock without a zone; the account's zone decides the instant. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, FastCheck as fc, Option } from "effect"
import { formatWallClock, parseWallClock } from "../src/internal/decode/wallClock.ts"

const zone = (name: string) => Option.getOrThrow(DateTime.zoneFromString(name))

const read = (text: string, name = "+05:30"): string => {
  const time = parseWallClock(text, zone(name))
  return time === undefined
    ? "no time"
    : Option.match(time, { onNone: () => "absent", onSome: DateTime.formatIsoZoned })
}

describe("a wall clock", () => {
  for (
    const [text, name, expected] of [
      ["2026-11-02 10:00:01", "+05:30", "2026-11-02T10:00:01.000+05:30"],
      ["2026-11-02 10:00:01", "Asia/Dubai", "2026-11-02T10:00:01.000+04:00[Asia/Dubai]"],
      ["2026-11-02 10:00:01", "UTC", "2026-11-02T10:00:01.000+00:00[UTC]"],
      ["2026-07-01 00:00:00", "America/New_York", "2026-07-01T00:00:00.000-04:00[America/New_York]"],
      ["2028-02-29 23:59:59", "+05:30", "2028-02-29T23:59:59.000+05:30"],
      ["9999-12-31 23:59:59", "+05:30", "9999-12-31T23:59:59.000+05:30"],
      ["1971-01-01 00:00:00", "+05:30", "1971-01-01T00:00:00.000+05:30"],
      // No capture has these; an offset in the text counts.
      ["2026-11-02T10:00:01", "+05:30", "2026-11-02T10:00:01.000+05:30"],
      ["2026-11-02T04:30:01Z", "+05:30", "2026-11-02T10:00:01.000+05:30"],
      ["2026-11-02T12:00:01.25+07:30", "+05:30", "2026-11-02T10:00:01.250+05:30"],
      ["2026-11-01T23:30:01-05:00", "+05:30", "2026-11-02T10:00:01.000+05:30"],
      // The hour that New York skips in March is read as the one after it, the one it has twice as the first.
      ["2026-03-08 02:30:00", "America/New_York", "2026-03-08T03:30:00.000-04:00[America/New_York]"],
      ["2026-11-01 01:30:00", "America/New_York", "2026-11-01T01:30:00.000-04:00[America/New_York]"],
      ["1970-01-01 05:30:00", "+05:30", "absent"],
      ["1970-12-31 23:59:59", "+05:30", "absent"],
      ["0001-01-01T00:00:00Z", "+05:30", "absent"],
      ["0000-00-00 00:00:00", "+05:30", "absent"],
      ["1970-01-01 25:00:00", "+05:30", "absent"],
      ["2026-11-31 10:00:00", "+05:30", "no time"],
      ["2026-13-02 10:00:00", "+05:30", "no time"],
      ["2026-11-02 24:00:00", "+05:30", "no time"],
      ["2026-11-02 10:60:00", "+05:30", "no time"],
      ["2026-11-02 10:00", "+05:30", "no time"],
      ["2026-11-02 10:00:01 ", "+05:30", "no time"],
      ["2026-11-02 10:00:01+99:99", "+05:30", "no time"],
      ["2026-11-02 10:00:01+24:00", "+05:30", "no time"],
      ["2026-11-02 10:00:01-05:60", "+05:30", "no time"],
      ["2026-11-02 10:00:01+0530", "+05:30", "no time"],
      ["02-11-2026 10:00:01", "+05:30", "no time"]
    ] as const
  ) {
    it(`${text} in ${name} is ${expected}`, () => assert.strictEqual(read(text, name), expected))
  }

  it.prop(
    "is formatted as it was parsed, in any zone without daylight saving time",
    [
      fc.date({ min: new Date(Date.UTC(1971, 0, 2)), max: new Date(Date.UTC(9999, 11, 30)), noInvalidDate: true }),
      fc.constantFrom("+05:30", "-11:00", "+14:00", "UTC", "Asia/Kolkata", "Asia/Dubai")
    ],
    ([date, name]) => {
      const text = date.toISOString().slice(0, 19)
      const wallClock = text.replace("T", " ")
      assert.strictEqual(read(wallClock, name).slice(0, 19), text)
      const time = DateTime.unsafeMakeZoned(`${text}Z`, { timeZone: zone(name), adjustForTimeZone: true })
      assert.strictEqual(formatWallClock(DateTime.toEpochMillis(time), zone(name)), wallClock)
    }
  )
})
