/** The requests of a typed query, and what is refused because Exotel would refuse it. */
import type { CallQuery } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { BigDecimal, DateTime, Either } from "effect"
import { toRequests } from "../src/internal/bulk/callQuery.ts"

const NOW = Date.UTC(2026, 10, 26, 12)
const DAY = 86_400_000
const zone = DateTime.zoneMakeOffset(0)
const before = (days: number, seconds = 0) => DateTime.unsafeMake(NOW - days * DAY - seconds * 1000)

const requests = (query: CallQuery.CallQuery) =>
  Either.getOrThrow(Either.map(
    toRequests(query, NOW, zone),
    (parts) => parts.map((part) => part.map((request) => Object.fromEntries(request)))
  ))

/** The fields that a query adds to a request without one. */
const added = (query: CallQuery.CallQuery) => {
  const [[request] = []] = requests(query)
  const { PageSize, SortBy, ...rest } = request ?? assert.fail()
  deepStrictEqual([PageSize, SortBy], ["100", "DateCreated:desc"])
  return rest
}

describe("a query of calls", () => {
  it("is one request of the newest calls if it is empty", () => {
    deepStrictEqual(requests({}), [[{ PageSize: "100", SortBy: "DateCreated:desc" }]])
    deepStrictEqual(requests({ order: "asc", pageSize: 1 }), [[{ PageSize: "1", SortBy: "DateCreated:asc" }]])
  })

  for (
    const [query, expected] of [
      [{ from: ["a", "b"] }, { From: "a,b" }],
      [{ to: ["1", "2", "3", "4", "5"] }, { To: "1,2,3,4,5" }],
      [{ exoPhone: ["080"] }, { PhoneNumber: "080" }],
      [{ direction: ["inbound", "outbound-api"] }, { Direction: "inbound,outbound-api" }],
      [{ duration: { minimum: "90 seconds" } }, { Duration: "gte:90s" }],
      [{ duration: { maximum: "1500 millis" } }, { Duration: "lte:1s" }],
      [{ price: { minimum: BigDecimal.unsafeFromString("0.5"), maximum: BigDecimal.unsafeFromString("2") } }, {
        Price: "gte:0.5;lte:2"
      }],
      [{ status: ["busy"] }, { Status: "busy" }]
    ] as const
  ) {
    it(`${JSON.stringify(query)} adds ${JSON.stringify(expected)}`, () => deepStrictEqual(added(query), expected))
  }

  it("has one request for each status, and none twice", () => {
    const [part = assert.fail()] = requests({ status: ["busy", "failed", "busy"] })
    deepStrictEqual(part.map(({ Status }) => Status), ["busy", "failed"])
  })

  it("is split into parts of 28 days, the newest first unless the oldest are wanted first", () => {
    const created = (order: "asc" | "desc") =>
      requests({ created: { since: before(56), until: before(0) }, order }).map(([request]) => request?.["DateCreated"])
    const parts = [
      "gte:2026-10-01 12:00:00;lte:2026-10-29 11:59:59",
      "gte:2026-10-29 12:00:00;lte:2026-11-26 11:59:59",
      "gte:2026-11-26 12:00:00;lte:2026-11-26 12:00:00"
    ]
    deepStrictEqual(created("asc"), parts)
    deepStrictEqual(created("desc"), [...parts].reverse())
    deepStrictEqual(added({ created: { since: before(1) } }), {
      DateCreated: "gte:2026-11-25 12:00:00;lte:2026-11-26 12:00:00"
    })
    deepStrictEqual(requests({ created: { since: before(184) } }).length, 7)
    deepStrictEqual(requests({ created: { since: before(1), until: before(1) } }).length, 1)
  })

  for (
    const [query, reason] of [
      [{ from: [] }, "from takes 1 to 5 values"],
      [{ to: ["1", "2", "3", "4", "5", "6"] }, "to takes 1 to 5 values"],
      [{ direction: [] }, "direction takes one value or more"],
      [{ status: [] }, "status takes one value or more"],
      [{ from: ["a", " "] }, "from must not contain an empty value, a comma or a semicolon"],
      [{ from: ["a,b"] }, "from must not contain an empty value, a comma or a semicolon"],
      [{ exoPhone: ["a;b", "c"] }, "exoPhone must not contain an empty value, a comma or a semicolon"],
      [{ duration: {} }, "duration takes minimum, maximum or both"],
      [{ pageSize: 0 }, "pageSize must be 1 to 100"],
      [{ pageSize: 101 }, "pageSize must be 1 to 100"],
      [{ pageSize: 1.5 }, "pageSize must be 1 to 100"],
      [{ created: { since: before(0), until: before(1) } }, "created.since must not be later than created.until"],
      [{ created: { since: before(184, 1) } }, "created.since must be within the last 6 months"]
    ] as const
  ) {
    it(`${JSON.stringify(query)} is refused: ${reason}`, () => {
      const refused = Either.getOrThrow(Either.flip(toRequests(query, NOW, zone)))
      assert.strictEqual(refused.reason, reason)
    })
  }
})
