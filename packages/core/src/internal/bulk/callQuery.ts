/** From a typed query to the queries of the requests that answer it, or to the reason why Exotel would refuse it. */
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

/** A comma would begin another value, and a semicolon another bound. */
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
    ? refuse(`${field} has a value that is empty or has a comma or semicolon in it`)
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
  return parts.length === 0 ? refuse(`${field} takes atLeast, atMost or both`) : Either.right([[name, parts.join(";")]])
}

const both = <A, B>(bounds: Range<A> | undefined, write: (bound: A) => B): Range<B> | undefined =>
  bounds && {
    minimum: bounds.minimum === undefined ? undefined : write(bounds.minimum),
    maximum: bounds.maximum === undefined ? undefined : write(bounds.maximum)
  }

const wholeSeconds = (input: Duration.DurationInput): string => `${Math.floor(Duration.toSeconds(input))}s`

/**
 * The parts of at most a month in which a range of creation times is asked for, oldest first. Wall clocks have whole
 * seconds, so a part begins one second after the one before has ended.
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

/** The filters of each part of the range, oldest first; one part without a filter when there is no range. */
export const createdFilters = (
  created: CallQuery["created"],
  now: number,
  timeZone: DateTime.TimeZone
): Either.Either<ReadonlyArray<ReadonlyArray<readonly [string, string]>>, InvalidRequest> => {
  if (created === undefined) return Either.right([[]])
  const from = DateTime.toEpochMillis(created.from)
  const to = created.to === undefined ? now : DateTime.toEpochMillis(created.to)
  if (from > to) return refuse("created.from is later than created.to")
  if (from < now - OLDEST_DAYS * DAY) return refuse("created.from is earlier than 6 months ago, as far as Exotel looks")
  return Either.right(windows(from, to).map((part) => [createdFilter(part, timeZone)]))
}

/** The queries of the requests that answer the query, before any cursor, in the order that was asked for; usually one. */
export const toRequests = (
  query: CallQuery,
  now: number,
  timeZone: DateTime.TimeZone
): Either.Either<ReadonlyArray<URLSearchParams>, InvalidRequest> =>
  Either.gen(function*() {
    const { order = "desc", pageSize = 100 } = query
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) return yield* refuse("pageSize must be 1 to 100")
    const filters = [
      ...yield* words("From", "from", query.from, MOST_NUMBERS),
      ...yield* words("To", "to", query.to, MOST_NUMBERS),
      ...yield* words("PhoneNumber", "exoPhone", query.exoPhone, MOST_NUMBERS),
      ...yield* words("Status", "status", query.status, Infinity),
      ...yield* words("Direction", "direction", query.direction, Infinity),
      ...yield* range("Duration", "duration", both(query.duration, wholeSeconds)),
      ...yield* range("Price", "price", both(query.price, BigDecimal.format))
    ]
    const parts = yield* createdFilters(query.created, now, timeZone)
    const shared = [
      ...filters,
      ["PageSize", String(pageSize)] as const,
      ["SortBy", order === "desc" ? "DateCreated:desc" : "DateCreated:asc"] as const
    ]
    const requests = parts.map((created) =>
      new URLSearchParams([...created, ...shared].map(([name, value]) => [name, value]))
    )
    return order === "desc" ? requests.reverse() : requests
  })
