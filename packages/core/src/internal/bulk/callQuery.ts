/** Converts a typed query to the queries of its requests, or to the reason why Exotel would refuse it. */
import * as Arr from "effect/Array"
import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type { CallQuery, Range } from "../../CallQuery.ts"
import { InvalidRequest } from "../../ExotelError.ts"
import { formatWallClock } from "../decode/wallClock.ts"

const MOST_NUMBERS = 5
const DAY = 86_400_000
/** Exotel says six months; the shortest six in a row have 181 days. */
const OLDEST_DAYS = 184
/** Exotel says one month; the shortest has 28 days. */
const WINDOW_DAYS = 28

const refuse = (reason: string): Either.Either<never, InvalidRequest> => Either.left(new InvalidRequest({ reason }))

type Filter = Either.Either<ReadonlyArray<readonly [string, string]>, InvalidRequest>

const none: Filter = Either.right([])

/** Values joined by commas. A comma in a value would begin another one, a semicolon another bound. */
const words = (
  name: string,
  field: string,
  values: ReadonlyArray<string> | undefined,
  most: number
): Filter => {
  if (values === undefined) return none
  if (values.length === 0 || values.length > most) {
    return refuse(`${field} takes ${most === Infinity ? "one value or more" : `1 to ${most} values`}`)
  }
  return values.some((value) => value.trim() === "" || /[,;]/.test(value))
    ? refuse(`${field} must not contain an empty value, a comma or a semicolon`)
    : Either.right([[name, values.join(",")]])
}

const range = (
  name: string,
  field: string,
  bounds: Range<string | undefined> | undefined
): Filter => {
  if (bounds === undefined) return none
  const parts = [
    ...(bounds.minimum === undefined ? [] : [`gte:${bounds.minimum}`]),
    ...(bounds.maximum === undefined ? [] : [`lte:${bounds.maximum}`])
  ]
  return parts.length === 0
    ? refuse(`${field} takes minimum, maximum or both`)
    : Either.right([[name, parts.join(";")]])
}

const both = <A, B>(bounds: Range<A> | undefined, write: (bound: A) => B): Range<B> | undefined =>
  bounds && {
    minimum: bounds.minimum === undefined ? undefined : write(bounds.minimum),
    maximum: bounds.maximum === undefined ? undefined : write(bounds.maximum)
  }

const wholeSeconds = (input: Duration.DurationInput): string => `${Math.floor(Duration.toSeconds(input))}s`

/**
 * Splits a range of creation times into parts of at most a month, oldest first. Wall clocks have whole seconds, so a part
 * begins one second after the end of the one before.
 */
const windows = (from: number, to: number): ReadonlyArray<readonly [from: number, to: number]> => {
  const parts: Array<readonly [number, number]> = []
  for (let begin = from; begin <= to; begin += WINDOW_DAYS * DAY) {
    parts.push([begin, Math.min(to, begin + WINDOW_DAYS * DAY - 1000)])
  }
  return parts
}

/** `DateCreated` for one part. */
const createdFilter = (
  [from, to]: readonly [number, number],
  timeZone: DateTime.TimeZone
): readonly [string, string] => [
  "DateCreated",
  `gte:${formatWallClock(from, timeZone)};lte:${formatWallClock(to, timeZone)}`
]

/** The filters of each part of the range, oldest first; one part without a filter when no range is given. */
export const createdFilters = (
  created: CallQuery["created"],
  now: number,
  timeZone: DateTime.TimeZone
): Either.Either<ReadonlyArray<ReadonlyArray<readonly [string, string]>>, InvalidRequest> => {
  if (created === undefined) return Either.right([[]])
  const since = DateTime.toEpochMillis(created.since)
  const until = created.until === undefined ? now : DateTime.toEpochMillis(created.until)
  if (since > until) return refuse("created.since must not be later than created.until")
  if (since < now - OLDEST_DAYS * DAY) return refuse("created.since must be within the last 6 months")
  return Either.right(windows(since, until).map((part) => [createdFilter(part, timeZone)]))
}

/**
 * The first pages' queries for each part of the range, in the requested order. A part has one query for each status:
 * a comma-separated `Status` filter may be refused (one client had to remove it; unconfirmed).
 */
export const toRequests = (
  query: CallQuery,
  now: number,
  timeZone: DateTime.TimeZone
): Either.Either<ReadonlyArray<Arr.NonEmptyReadonlyArray<URLSearchParams>>, InvalidRequest> =>
  Either.gen(function*() {
    const { order = "desc", pageSize = 100 } = query
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) return yield* refuse("pageSize must be 1 to 100")
    const filters = [
      ...yield* words("From", "from", query.from, MOST_NUMBERS),
      ...yield* words("To", "to", query.to, MOST_NUMBERS),
      ...yield* words("PhoneNumber", "exoPhone", query.exoPhone, MOST_NUMBERS),
      ...yield* words("Direction", "direction", query.direction, Infinity),
      ...yield* range("Duration", "duration", both(query.duration, wholeSeconds)),
      ...yield* range("Price", "price", both(query.price, BigDecimal.format))
    ]
    yield* words("Status", "status", query.status, Infinity)
    const statuses = Arr.dedupe(query.status ?? [])
    const statusFilters: Arr.NonEmptyReadonlyArray<ReadonlyArray<readonly [string, string]>> =
      Arr.isNonEmptyReadonlyArray(statuses) ? Arr.map(statuses, (status) => [["Status", status] as const]) : [[]]
    const parts = yield* createdFilters(query.created, now, timeZone)
    const shared = [
      ...filters,
      ["PageSize", String(pageSize)] as const,
      ["SortBy", order === "desc" ? "DateCreated:desc" : "DateCreated:asc"] as const
    ]
    const requests = parts.map((created) =>
      Arr.map(statusFilters, (status) =>
        new URLSearchParams([...created, ...status, ...shared].map(([name, value]) => [name, value])))
    )
    return order === "desc" ? requests.reverse() : requests
  })
