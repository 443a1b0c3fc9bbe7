/** The bulk read: ended calls only, filtered, sorted, in pages. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Script from "../../CallScript.ts"
import type { Format } from "../wire/encode.ts"
import { encodePage } from "../wire/encode.ts"
import type { CallRecord, PlacedCall } from "./records.ts"
import { calendar, recordOf, stateOf } from "./records.ts"
import type { FakeState } from "./state.ts"

interface Refused {
  readonly status: number
  readonly message: string
}

type Test = (call: PlacedCall) => boolean

const DAY = 24 * 60 * 60 * 1000
/** The period that is searched without `DateCreated`, and the widest `DateCreated`. */
const MONTH_DAYS = 31
/** How far back `DateCreated` may reach: six months. */
const OLDEST_DAYS = 184

const bad = (message: string): Either.Either<never, Refused> => Either.left({ status: 400, message })

/** `gte:a;lte:b`, either of them. */
const bounds = <A>(
  name: string,
  text: string,
  parse: (text: string) => A | undefined
): Either.Either<{ readonly gte: A | undefined; readonly lte: A | undefined }, Refused> => {
  const found: { gte: A | undefined; lte: A | undefined } = { gte: undefined, lte: undefined }
  for (const part of text.split(";")) {
    const match = /^(gte|lte):(.+)$/.exec(part.trim())
    const value = match?.[2] === undefined ? undefined : parse(match[2])
    if (match === null || value === undefined) return bad(`Invalid parameter ${name}`)
    found[match[1] === "gte" ? "gte" : "lte"] = value
  }
  return Either.right(found)
}

const within = (value: number | undefined, { gte, lte }: { gte: number | undefined; lte: number | undefined }) =>
  value !== undefined && (gte === undefined || value >= gte) && (lte === undefined || value <= lte)

/** The filters that take a list of words; phone numbers at most five. */
const wordFilters: ReadonlyArray<readonly [string, (call: PlacedCall, now: number) => string, number]> = [
  ["Status", (call, now) => stateOf(call, now).status, Infinity],
  ["Direction", (call) => call.script.direction, Infinity],
  ["To", (call) => call.numbers.to, 5],
  ["From", (call) => call.numbers.from, 5],
  ["PhoneNumber", (call) => call.numbers.exoPhone, 5]
]

const parseSeconds = (text: string): number | undefined => /^\d+s?$/.test(text) ? Number.parseInt(text, 10) : undefined
const parseDecimal = (text: string): number | undefined => /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined

const parseWallClock = (zone: DateTime.TimeZone) => (text: string): number | undefined =>
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)
    ? Option.getOrUndefined(
      Option.map(
        DateTime.makeZoned(`${text.replace(" ", "T")}Z`, { timeZone: zone, adjustForTimeZone: true }),
        (time) => time.epochMillis
      )
    )
    : undefined

const createdFilter = (state: FakeState, query: URLSearchParams, now: number): Either.Either<Test, Refused> => {
  const today = calendar(now)
  const text = query.get("DateCreated")
  if (text === null) return Either.right((call) => calendar(call.start) >= today - MONTH_DAYS * DAY)
  return Either.flatMap(bounds("DateCreated", text, parseWallClock(state.settings.timeZone)), ({ gte, lte }) => {
    if ((gte ?? lte ?? today) < today - OLDEST_DAYS * DAY) return bad("DateCreated must be within the last 6 months")
    if (gte !== undefined && (lte ?? today) - gte > MONTH_DAYS * DAY) {
      return bad("DateCreated must not be wider than 1 month")
    }
    // The wall clock has whole seconds.
    const range = { gte, lte: lte === undefined ? undefined : lte + 999 }
    return Either.right((call) => within(calendar(call.start), range))
  })
}

const settledSeconds = (call: PlacedCall, now: number): number | undefined =>
  stateOf(call, now).settled ? Math.round(Duration.toSeconds(Script.duration(call.script))) : undefined

const settledPrice = (call: PlacedCall, now: number): number | undefined =>
  stateOf(call, now).settled && call.script.price !== undefined ? Number(call.script.price) : undefined

const filters = (state: FakeState, query: URLSearchParams, now: number): Either.Either<ReadonlyArray<Test>, Refused> =>
  Either.gen(function*() {
    const tests: Array<Test> = [yield* createdFilter(state, query, now)]
    for (const [name, read, most] of wordFilters) {
      const words = query.get(name)?.split(",")
      if (words === undefined) continue
      if (name === "Status" && words.length > 1 && state.settings.statusFilter === "single") {
        return yield* bad("Invalid parameter Status")
      }
      if (words.length > most) return yield* bad(`At most ${most} values are allowed in ${name}`)
      tests.push((call) => words.includes(read(call, now)))
    }
    const duration = query.get("Duration")
    if (duration !== null) {
      const range = yield* bounds("Duration", duration, parseSeconds)
      tests.push((call) => within(settledSeconds(call, now), range))
    }
    const price = query.get("Price")
    if (price !== null) {
      const range = yield* bounds("Price", price, parseDecimal)
      tests.push((call) => within(settledPrice(call, now), range))
    }
    return tests
  })

/** Calls that ended long enough ago to be listed, out of those that were named or of all. */
const candidates = (state: FakeState, query: URLSearchParams): Either.Either<Iterable<PlacedCall>, Refused> => {
  const text = query.get("Sid")
  if (text === null) return Either.right(state.calls.values())
  const sids = new Set(text.split(",").map((sid) => sid.trim()).filter((sid) => sid !== ""))
  if (sids.size > 100) return bad("At most 100 values are allowed in Sid")
  const found: Array<PlacedCall> = []
  for (const sid of sids) {
    const call = state.calls.get(sid)
    if (call !== undefined) found.push(call)
  }
  return Either.right(found)
}

const pageSize = (query: URLSearchParams): Either.Either<number, Refused> => {
  const text = query.get("PageSize")
  if (text === null) return Either.right(50)
  const size = Number(text)
  return Number.isInteger(size) && size >= 1 && size <= 100
    ? Either.right(size)
    : bad("PageSize must be between 1 and 100")
}

/** A cursor names a place in the order, so that pages stay right while more calls end. */
const toCursor = (call: PlacedCall): string => Encoding.encodeBase64Url(`${call.start}:${call.sid}`)

const compare = (a: { start: number; sid: string }, b: { start: number; sid: string }): number =>
  a.start - b.start || (a.sid < b.sid ? -1 : a.sid > b.sid ? 1 : 0)

const fromCursor = (text: string): Either.Either<{ start: number; sid: string }, Refused> => {
  const decoded = Either.getOrElse(Encoding.decodeBase64UrlString(text), () => "")
  const match = /^(-?\d+(?:\.\d+)?):([0-9A-Za-z]+)$/.exec(decoded)
  return match?.[1] === undefined || match[2] === undefined
    ? bad("Invalid cursor")
    : Either.right({ start: Number(match[1]), sid: match[2] })
}

const pageUri = (path: string, query: URLSearchParams, cursor: readonly ["After" | "Before", string] | undefined) => {
  const next = new URLSearchParams(query)
  next.delete("After")
  next.delete("Before")
  if (cursor !== undefined) next.set(cursor[0], cursor[1])
  return next.size === 0 ? path : `${path}?${next}`
}

export const listCalls = (
  state: FakeState,
  where: { readonly accountSid: string; readonly format: Format },
  query: URLSearchParams,
  reading: { readonly details: boolean; readonly preSigned: boolean },
  now: number
): { readonly body: string } | Refused => {
  const { bulkDetails, bulkLagMillis, wireFormat, timeZone } = state.settings
  const shown = { ...reading, details: reading.details && bulkDetails }
  const listed = Either.gen(function*() {
    const tests = yield* filters(state, query, now)
    const size = yield* pageSize(query)
    const order = query.get("SortBy") ?? "DateCreated:desc"
    if (order !== "DateCreated:asc" && order !== "DateCreated:desc") return yield* bad("Invalid parameter SortBy")
    const sign = order === "DateCreated:asc" ? 1 : -1
    const after = query.get("After")
    const before = query.get("Before")
    if (after !== null && before !== null) return yield* bad("Before and After exclude each other")
    const place = after ?? before
    const at = place === null ? undefined : yield* fromCursor(place)

    const matching: Array<PlacedCall> = []
    for (const call of yield* candidates(state, query)) {
      if (call.accountSid !== where.accountSid || now < call.readableAt) continue
      if (now >= call.start + stateOf(call, now).endsAt + bulkLagMillis && tests.every((test) => test(call))) {
        matching.push(call)
      }
    }
    matching.sort((a, b) => sign * compare(a, b))
    // Where the page begins: after the cursor, or so many before it.
    const split = at === undefined ? 0 : matching.findIndex((call) => sign * compare(call, at) > 0)
    const following = split === -1 ? matching.length : split
    const end = before === null ? Math.min(matching.length, following + size) : indexBefore(matching, at, sign)
    const begin = before === null ? following : Math.max(0, end - size)
    const page = matching.slice(begin, end)
    const path = `/v1/Accounts/${where.accountSid}/Calls${where.format === "json" ? ".json" : ""}`
    const first = page[0]
    const last = page.at(-1)
    const records: Array<CallRecord> = page.map((call) => recordOf(call, now, shown))
    return encodePage(
      {
        records,
        total: matching.length,
        pageSize: size,
        firstPageUri: pageUri(path, query, undefined),
        prevPageUri: begin > 0 && first !== undefined ? pageUri(path, query, ["Before", toCursor(first)]) : undefined,
        nextPageUri: end < matching.length && last !== undefined
          ? pageUri(path, query, ["After", toCursor(last)])
          : undefined
      },
      where.format,
      wireFormat,
      timeZone
    )
  })
  return Either.match(listed, { onLeft: (refused) => refused, onRight: (body) => ({ body }) })
}

/** How many calls come before the cursor. */
const indexBefore = (
  calls: ReadonlyArray<PlacedCall>,
  at: { start: number; sid: string } | undefined,
  sign: number
): number => {
  if (at === undefined) return 0
  const index = calls.findIndex((call) => sign * compare(call, at) >= 0)
  return index === -1 ? calls.length : index
}
