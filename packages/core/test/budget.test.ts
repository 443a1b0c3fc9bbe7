/** The request budget in memory, by itself and under the client. */
import { ExotelCalls, ExotelMetrics, RequestBudget, RetryPolicy } from "@effect-exotel/core"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Chunk, Clock, Duration, Effect, Exit, Fiber, Metric, Option, Random, TestClock } from "effect"
import { cases } from "../../../scripts/lib/cases.mjs"
import { rateLimitInfo } from "../src/internal/http/rateLimit.ts"
import { credentials, makeCalls, sid } from "./support/clients.ts"
import { recordSpans } from "./support/spans.ts"
import { status, stub } from "./support/stub.ts"

const body = (sid: string) => JSON.stringify({ Call: { Sid: sid, Status: "completed" } })

const answering = () => stub(() => new Response(body(sid), { status: 200 }))

/** Acquires permits and records the order in which they are granted. */
const acquireAll = (
  budget: RequestBudget.Service,
  priority: RequestBudget.Priority,
  count: number,
  order: Array<string>,
  name: string = priority
) =>
  Effect.fork(Effect.forEach(
    Array.from({ length: count }, (_, i) => i),
    (i) => Effect.tap(budget.acquire(priority), () => Effect.sync(() => order.push(`${name} ${i}`))),
    { concurrency: "unbounded" }
  ))

const settle = TestClock.adjust(0)

const rateLimited = (seconds: number): RequestBudget.RateLimitInfo => ({
  status: 429,
  retryAfter: Option.some(Duration.seconds(seconds)),
  limit: Option.none(),
  remaining: Option.none(),
  reset: Option.none()
})

describe("a budget", () => {
  it.effect("grants what it has at once and the rest as the minute slides, in the order of arrival", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 5 })
      const order: Array<string> = []
      const fiber = yield* acquireAll(budget, "interactive", 12, order)
      yield* settle
      assert.strictEqual(order.length, 5)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(order.length, 5)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(order.length, 10)
      yield* TestClock.adjust("1 minute")
      deepStrictEqual(order, Array.from({ length: 12 }, (_, i) => `interactive ${i}`))
      yield* Fiber.join(fiber)
    }))

  it.effect("grants interactive requests before others that arrived earlier", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 60 })
      const order: Array<string> = []
      yield* acquireAll(budget, "background", 30, order)
      yield* acquireAll(budget, "watch", 30, order)
      yield* settle
      order.length = 0
      yield* acquireAll(budget, "interactive", 5, order)
      yield* settle
      deepStrictEqual(order, [0, 1, 2, 3, 4].map((i) => `interactive ${i}`))
      yield* TestClock.adjust("30 seconds")
      assert.isAbove(order.length, 20)
      assert.isFalse(order.some((who) => who.startsWith("background") && order.indexOf(who) < 20))
    }))

  it.effect("serves every priority under a continuous overload of interactive requests", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 60 })
      const order: Array<string> = []
      // Twice the limit. In steps, for a test clock takes real time for every sleep that it ends.
      const overload = (seconds: number) =>
        Effect.forEach(
          Array.from({ length: seconds / 10 }),
          () => Effect.zipRight(acquireAll(budget, "interactive", 20, order), TestClock.adjust("10 seconds"))
        )
      yield* overload(60)
      yield* acquireAll(budget, "watch", 1, order)
      yield* acquireAll(budget, "background", 1, order)
      yield* overload(240)
      assert.isTrue(order.includes("watch 0"))
      assert.isTrue(order.includes("background 0"))
    }))

  it.effect("lets a watch wait 10 s longer than an interactive request, and background 60 s", () =>
    Effect.gen(function*() {
      for (const [priority, aging] of [["watch", 10], ["background", 60]] as const) {
        const budget = RequestBudget.makeMemory({ requestsPerMinute: 1 })
        const order: Array<string> = []
        // While the pause lasts nothing is granted, so all of them wait.
        yield* budget.observe(rateLimited(120))
        yield* acquireAll(budget, priority, 1, order)
        yield* TestClock.adjust(Duration.seconds(aging - 1))
        yield* acquireAll(budget, "interactive", 1, order, "before")
        yield* TestClock.adjust("2 seconds")
        yield* acquireAll(budget, "interactive", 1, order, "after")
        yield* TestClock.adjust("6 minutes")
        deepStrictEqual(order, ["before 0", `${priority} 0`, "after 0"])
      }
    }))

  it.effect("lets a watch use the reserve after 10 s, and not before", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 20 })
      const order: Array<string> = []
      yield* acquireAll(budget, "interactive", 19, order)
      yield* settle
      yield* acquireAll(budget, "watch", 1, order)
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(order.length, 19)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(order.at(-1), "watch 0")
    }))

  it.effect("grants a released permit to the next waiter at once", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 2 })
      const [permit] = yield* Effect.all([budget.acquire("interactive"), budget.acquire("interactive")])
      const order: Array<string> = []
      yield* acquireAll(budget, "interactive", 2, order)
      yield* settle
      deepStrictEqual(order, [])
      yield* budget.release(permit)
      yield* budget.release(permit)
      yield* settle
      deepStrictEqual(order, ["interactive 0"])
    }))

  it.effect("passes the place of an interrupted request to the next, and takes back a released permit", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 2 })
      yield* Effect.replicateEffect(budget.acquire("interactive"), 2)
      const order: Array<string> = []
      const first = yield* acquireAll(budget, "interactive", 1, order, "first")
      yield* acquireAll(budget, "interactive", 1, order, "second")
      yield* settle
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 minute")
      deepStrictEqual(order, ["second 0"])
      yield* budget.release(yield* budget.acquire("interactive"))
      yield* budget.acquire("interactive")
    }))

  it.effect("leaves no timer and no fiber behind when no request waits", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 1 })
      yield* budget.acquire("interactive")
      const waiting = yield* Effect.replicateEffect(Effect.fork(budget.acquire("watch")), 5)
      yield* settle
      assert.strictEqual(Chunk.size(yield* TestClock.sleeps()), 1)
      yield* Fiber.interruptAll(waiting)
      yield* settle
      // A test clock keeps the sleeps of interrupted fibers; a permit must still be granted.
      const order: Array<string> = []
      yield* TestClock.adjust("1 hour")
      yield* acquireAll(budget, "interactive", 1, order)
      yield* settle
      assert.strictEqual(order.length, 1)
    }))

  it.effect("is not affected when the wall clock is set back or forward", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      let wall = 10_000_000
      const withWall = Effect.withClock({
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: () => wall,
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        currentTimeMillis: Effect.sync(() => wall),
        currentTimeNanos: clock.currentTimeNanos,
        sleep: (duration) => clock.sleep(duration)
      })
      const budget = RequestBudget.makeMemory({ requestsPerMinute: 3 })
      yield* Effect.replicateEffect(withWall(budget.acquire("interactive")), 3)
      const order: Array<string> = []
      yield* withWall(acquireAll(budget, "interactive", 1, order))
      for (const time of [1_000_000, 99_000_000]) {
        wall = time
        yield* withWall(acquireAll(budget, "interactive", 1, order))
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual(order.length, 0)
      }
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(order.length, 3)
    }))

  it.effect("without a limit costs no wait", () =>
    Effect.gen(function*() {
      const budget = RequestBudget.makeMemory({ requestsPerMinute: Infinity })
      yield* Effect.replicateEffect(budget.acquire("background"), 10_000, { discard: true })
      assert.strictEqual(yield* budget.availablePerMinute, Infinity)
    }))

  it.effect(
    "grants every request in the end, for any mixture of requests, interruptions and pauses",
    () =>
      Effect.gen(function*() {
        for (let mixture = 0; mixture < cases(20); mixture++) {
          const limit = yield* Random.nextIntBetween(2, 40)
          const budget = RequestBudget.makeMemory({ requestsPerMinute: limit })
          let granted = 0
          let left = 0
          const fibers: Array<Fiber.RuntimeFiber<RequestBudget.Permit>> = []
          for (let i = 0; i < 60; i++) {
            const priority = yield* Random.choice(["interactive", "watch", "background"] as const)
            fibers.push(
              yield* Effect.fork(Effect.tap(budget.acquire(priority), () =>
                Effect.sync(() => {
                  granted += 1
                })))
            )
            if (yield* Effect.map(Random.next, (chance) => chance < 0.1)) {
              const exit = yield* Fiber.interrupt(yield* Random.choice(fibers))
              if (Exit.isInterrupted(exit)) left += 1
            }
            if (i % 20 === 0) {
              yield* budget.observe(rateLimited(3))
            }
            if (i % 5 === 0) yield* TestClock.adjust("500 millis")
          }
          yield* TestClock.adjust("3 hours")
          for (const fiber of fibers) assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
          assert.isAtLeast(granted + left, 60 - left)
        }
      }).pipe(Effect.withRandom(Random.make(3))),
    60_000
  )
})

describe("the client", () => {
  const make = (client: ReturnType<typeof stub>, requestsPerMinute: number) =>
    makeCalls({ ...credentials, region: "mumbai", requestsPerMinute }).pipe(Effect.provide(client.layer))

  it.effect("acquires a permit for each read, retry, bulk read and region probe", () =>
    Effect.gen(function*() {
      const client = stub(() => status(503))
      const calls = yield* make(client, 4)
      const fiber = yield* Effect.fork(Effect.exit(calls.get(sid)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(client.urls.length, 3)
      const others = yield* Effect.fork(Effect.exit(Effect.all([calls.verify, calls.findEnded([sid])])))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(client.urls.length, 4)
      yield* TestClock.adjust("3 minutes")
      yield* Fiber.join(others)
      assert.isAbove(client.urls.length, 5)

      const unknown = stub(() => status(404))
      const elsewhere = yield* make(unknown, 2)
      const probing = yield* Effect.fork(Effect.exit(elsewhere.get(sid)))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(unknown.urls.length, 2)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(unknown.urls.length, 3)
      yield* Fiber.join(probing)
    }))

  it.effect("uses the permit of withPermit for one request, and acquires permits for further ones", () =>
    Effect.gen(function*() {
      const client = answering()
      const calls = yield* make(client, 1)
      const reads = yield* Effect.fork(
        RequestBudget.withPermit(
          Effect.replicateEffect(calls.get(sid), 3),
          yield* RequestBudget.unlimited.acquire("watch")
        )
      )
      yield* settle
      assert.strictEqual(client.urls.length, 2)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(reads)
    }))

  it.effect("starts its timeout when the permit is granted", () =>
    Effect.gen(function*() {
      const calls = yield* make(answering(), 1)
      yield* calls.get(sid)
      const late = yield* Effect.fork(calls.get(sid))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(late)).sid, sid)
    }))

  it.effect("reports the wait in the span and in the metrics", () =>
    Effect.gen(function*() {
      const waited = Metric.tagged(ExotelMetrics.budgetWait, "priority", "interactive")
      const before = yield* Metric.value(waited)
      yield* TestClock.adjust("5 seconds")
      const calls = yield* make(answering(), 1)
      yield* calls.get(sid)
      const late = yield* Effect.fork(recordSpans(calls.get(sid)))
      yield* TestClock.adjust("1 minute")
      const [, spans] = yield* Fiber.join(late)
      deepStrictEqual(spans.map(({ attributes }) => attributes.get("exotel.budget.wait_ms")), [60_000])
      const after = yield* Metric.value(waited)
      deepStrictEqual([after.count - before.count, after.sum - before.sum], [1, 60])
    }))

  it.effect("shares a budget from the context with other clients", () =>
    Effect.gen(function*() {
      const one = answering()
      const other = answering()
      const clientOver = (client: ReturnType<typeof stub>) =>
        Effect.provide(ExotelCalls.make({ ...credentials, region: "mumbai" }), client.layer)
      const [first, second] = yield* Effect.all([clientOver(one), clientOver(other)]).pipe(
        Effect.provide(RequestBudget.layerMemory({ requestsPerMinute: 2 }))
      )
      yield* first.get(sid)
      yield* second.get(sid)
      const third = yield* Effect.fork(first.get(sid))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(one.urls.length + other.urls.length, 2)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(third)
    }))

  it.effect("waits for a pause up to the policy's cap, and fails without a request for a longer one", () =>
    Effect.gen(function*() {
      let retryAfter = "10"
      const client = stub((_, n) =>
        n % 2 === 1 ? status(429, { "retry-after": retryAfter }) : new Response(body(sid), { status: 200 })
      )
      const calls = yield* make(client, 100)
      const once = Effect.provideService(RetryPolicy.RetryPolicy, RetryPolicy.none)
      assert.strictEqual((yield* Effect.flip(once(calls.get(sid))))._tag, "RateLimited")
      const waiting = yield* Effect.fork(calls.get(sid))
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(client.urls.length, 1)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)

      retryAfter = "90"
      yield* Effect.flip(once(calls.get(sid)))
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(calls.get(sid))
      assert.strictEqual(client.urls.length, 3)
      deepStrictEqual(error._tag === "RateLimited" && error.retryAfter, Duration.seconds(89))
    }))
})

describe("the rate limit information of a response", () => {
  const now = 1_700_000_000_000
  it("is read from both forms of the reset, and ignores garbage", () => {
    const reset = (header: string) =>
      Option.map(
        Option.flatMap(
          rateLimitInfo(200, { "x-ratelimit-remaining": "3", "x-ratelimit-reset": header }, now),
          ({ reset }) => reset
        ),
        Duration.toSeconds
      )
    deepStrictEqual(reset("30"), Option.some(30))
    deepStrictEqual(reset(String(now / 1000 + 45)), Option.some(45))
    deepStrictEqual(reset(String(now / 1000 - 45)), Option.some(0))
    deepStrictEqual(reset(" 30.75 "), Option.some(30.75))
    for (const odd of ["", "soon", "-1", "1e9", "99999999999", "30s", "in 30", "30.x"]) {
      deepStrictEqual(reset(odd), Option.none())
    }
  })

  it("is read from whole numbers of at most six digits", () => {
    const remaining = (header: string) =>
      Option.flatMap(rateLimitInfo(429, { "x-ratelimit-remaining": header }, now), ({ remaining }) => remaining)
    deepStrictEqual([remaining(" 120 "), remaining("999999")], [Option.some(120), Option.some(999_999)])
    for (const odd of ["", "1234567", "12 of 200", "about 12", "1.5", "1e3"]) {
      deepStrictEqual(remaining(odd), Option.none())
    }
  })

  it("is absent when no header is present", () => {
    deepStrictEqual(rateLimitInfo(200, {}, now), Option.none())
    deepStrictEqual(rateLimitInfo(200, { "x-ratelimit-remaining": "many" }, now), Option.none())
    assert.isTrue(Option.isSome(rateLimitInfo(429, {}, now)))
  })
})
