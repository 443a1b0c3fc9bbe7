/** A budget that several processes share: over stores in memory, over stores that fail, and over a real Redis. */
import * as Shared from "@effect-exotel/core/RequestBudget/Shared"
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as RedisStore from "@effect/experimental/RateLimiter/Redis"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Clock, Context, Duration, Effect, Fiber, Layer, Logger, Random, TestClock } from "effect"
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { bundle } from "../../../scripts/lib/bundle.mjs"
import { cases } from "../../../scripts/lib/cases.mjs"
import { isInstalled } from "../../../scripts/lib/installed.mjs"

const busiest = (times: ReadonlyArray<number>, window: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + window).length))

const takeFor = (
  make: Effect.Effect<Effect.Effect.Success<ReturnType<typeof Shared.make>>, never, RateLimiter.RateLimiter>,
  times: Array<number>
) =>
  Effect.flatMap(make, (budget) =>
    Effect.fork(Effect.forever(Effect.zipRight(
      budget.acquire("interactive"),
      Effect.map(Clock.currentTimeMillis, (now) => times.push(now))
    ))))

const options = { key: "acme1m", requestsPerMinute: 30 }

const overStore = (store: Layer.Layer<RateLimiter.RateLimiterStore>) => Layer.provide(RateLimiter.layer, store)

/** A store like that of Redis: its fixed window goes by its own clock, its token bucket by the clock of the caller. */
const sharedStore = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const memory = Context.get(yield* Layer.build(RateLimiter.layerStoreMemory), RateLimiter.RateLimiterStore)
  const status = { isAvailable: true, requests: 0 }
  const guard = <A>(effect: Effect.Effect<A, RateLimiter.RateLimiterError>) =>
    Effect.suspend(() => {
      status.requests += 1
      return status.isAvailable ? effect : Effect.fail(new RateLimiter.RateLimitStoreError({ message: "gone" }))
    })
  const layer = Layer.succeed(RateLimiter.RateLimiterStore, {
    fixedWindow: (options) => guard(Effect.withClock(memory.fixedWindow(options), clock)),
    tokenBucket: (options) => guard(memory.tokenBucket(options))
  })
  return { status, layer: overStore(layer) }
})

/** A clock of another machine. */
const skewed = (base: Clock.Clock, millis: number): Clock.Clock => {
  const now = () => base.unsafeCurrentTimeMillis() + millis
  const nanos = () => base.unsafeCurrentTimeNanos() + BigInt(millis) * 1_000_000n
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: now,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => base.sleep(duration)
  }
}

const collectWarnings = (warnings: Array<unknown>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => {
      warnings.push(message)
    })
  )

/** For the timers of their test clocks, and with Redis for real time. */
const mostlyWaiting = { concurrent: true }

describe("a shared budget", mostlyWaiting, () => {
  it.effect("holds for two processes together in any sixty seconds, and serves both", () =>
    Effect.gen(function*() {
      const one: Array<number> = []
      const other: Array<number> = []
      yield* takeFor(Shared.make(options), one)
      yield* takeFor(Shared.make(options), other)
      const minutes = 2 + cases(8)
      yield* TestClock.adjust(Duration.minutes(minutes))
      assert.isAtMost(busiest([...one, ...other], 60_000), 30)
      // A burst of one leaves an even rate of 28 a minute of 30, less the jitter of refused requests.
      assert.isAtLeast(one.length + other.length, 20 * minutes)
      assert.isAtLeast(Math.min(one.length, other.length), 6 * minutes)
    }).pipe(Effect.provide(overStore(RateLimiter.layerStoreMemory))))

  for (const burst of [1, 5, 14]) {
    it.effect(`never exceeds the limit with a burst of ${burst}`, () =>
      Effect.gen(function*() {
        const times: Array<number> = []
        const budget = yield* Shared.make({ ...options, burst })
        const grab = Effect.fork(
          Effect.zipRight(
            budget.acquire("interactive"),
            Effect.map(Clock.currentTimeMillis, (now) => times.push(now))
          )
        )
        // The worst case: one request begins a count of the store, and the others use it up as late as possible.
        for (let i = 0; i < 2 + cases(8); i++) {
          yield* grab
          yield* TestClock.adjust("1800 millis")
          yield* Effect.replicateEffect(grab, 20)
          yield* TestClock.adjust("45 seconds")
        }
        assert.isAtMost(busiest(times, 60_000), 30)
      }).pipe(Effect.provide(overStore(RateLimiter.layerStoreMemory))))
  }

  it.effect("keeps accounts apart", () =>
    Effect.gen(function*() {
      const one: Array<number> = []
      const other: Array<number> = []
      yield* takeFor(Shared.make(options), one)
      yield* takeFor(Shared.make({ ...options, key: "other" }), other)
      yield* TestClock.adjust("2 minutes")
      assert.isAbove(Math.min(one.length, other.length), 40)
    }).pipe(Effect.provide(overStore(RateLimiter.layerStoreMemory))))

  it.scoped("serves a process whose clock is wrong as well as others", () =>
    Effect.gen(function*() {
      const base = yield* Effect.clock
      const store = yield* sharedStore
      for (const skew of [-20_000, 20_000]) {
        const one: Array<number> = []
        const other: Array<number> = []
        const key = `skew ${skew}`
        const fibers = yield* Effect.all([
          takeFor(Shared.make({ ...options, key }), one),
          takeFor(Shared.make({ ...options, key }), other).pipe(Effect.withClock(skewed(base, skew)))
        ]).pipe(Effect.provide(store.layer))
        yield* TestClock.adjust("2 minutes")
        yield* Fiber.interruptAll(fibers)
        assert.isAtMost(busiest([...one, ...other.map((at) => at - skew)], 60_000), 30)
        assert.isAbove(Math.min(one.length, other.length), 12)
      }
    }))

  for (
    const [name, response] of [
      ["fails", Effect.fail(new RateLimiter.RateLimitStoreError({ message: "gone" }))],
      ["dies", Effect.dieMessage("gone")],
      ["never responds", Effect.never]
    ] as const
  ) {
    it.effect(`uses its share of the limit when the store ${name}, and logs a warning once a minute`, () => {
      const warnings: Array<unknown> = []
      return Effect.gen(function*() {
        const times: Array<number> = []
        yield* takeFor(Shared.make({ ...options, shareWhenUnavailable: 0.4 }), times)
        yield* TestClock.adjust("3 minutes")
        assert.strictEqual(busiest(times, 60_000), 12)
        assert.isAtLeast(times.length, 30)
        assert.isAtLeast(warnings.length, 2)
        assert.isAtMost(warnings.length, 4)
      }).pipe(
        Effect.provide([
          overStore(
            Layer.succeed(RateLimiter.RateLimiterStore, { fixedWindow: () => response, tokenBucket: () => response })
          ),
          collectWarnings(warnings)
        ])
      )
    })
  }

  it.scoped("uses an unavailable store again after seconds, and holds with others after a short outage", () => {
    const warnings: Array<unknown> = []
    return Effect.gen(function*() {
      const store = yield* sharedStore
      const one: Array<number> = []
      const other: Array<number> = []
      yield* Effect.all([
        takeFor(Shared.make({ ...options, requestsPerMinute: 40 }), one),
        takeFor(Shared.make({ ...options, requestsPerMinute: 40 }), other)
      ]).pipe(Effect.provide(store.layer))
      yield* TestClock.adjust("2 minutes")
      store.status.isAvailable = false
      yield* TestClock.adjust("5 seconds")
      store.status.isAvailable = true
      const before = store.status.requests
      yield* TestClock.adjust("4 seconds")
      assert.isAbove(store.status.requests, before)
      yield* TestClock.adjust("5 minutes")
      assert.isAtMost(warnings.length, 2)
      // A process that used less than its share before the outage uses the rest of it.
      assert.isAtMost(busiest([...one, ...other], 60_000), 44)
      assert.isAtMost(busiest([...one, ...other].filter((at) => at > 180_000), 60_000), 40)
    }).pipe(Effect.withRandom(Random.make(5)), Effect.provide(collectWarnings(warnings)))
  })

  it.scoped("waits longer after each failure of the store", () =>
    Effect.gen(function*() {
      const store = yield* sharedStore
      store.status.isAvailable = false
      const budget = yield* Effect.provide(Shared.make(options), store.layer)
      yield* Effect.fork(Effect.forever(Effect.delay(budget.acquire("interactive"), "4 seconds")))
      yield* TestClock.adjust("4 minutes")
      assert.isAtLeast(store.status.requests, 7)
      assert.isAtMost(store.status.requests, 11)
    }))
})

const hasRedis = isInstalled("redis-server")
const notice =
  "SKIPPED: the shared budget over a real Redis; install redis-server (Debian: apt-get install redis-server)"
if (!hasRedis) process.stderr.write(`${notice}\n`)

/** The window of the tests in real time, less what a busy machine may delay the one who writes the times down. */
const SHORT_WINDOW = 2000 - 100

/** A Redis of the test's own, without a port and without a file. */
const redis = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = mkdtempSync(join(tmpdir(), "budget-"))
    const socket = join(folder, "redis.sock")
    const server = spawn(
      "redis-server",
      ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder],
      { stdio: ["ignore", "pipe", "inherit"] }
    )
    await new Promise<void>((resolve) => {
      server.stdout.on("data", (text) => {
        if (String(text).includes("eady to accept connections")) resolve()
      })
    })
    return { folder, server, socket }
  }),
  ({ folder, server }) =>
    Effect.sync(() => {
      server.kill("SIGKILL")
      rmSync(folder, { recursive: true, force: true })
    })
)

const sharer = (program: ReadonlyArray<string>, socket: string) =>
  Effect.async<ReadonlyArray<number>>((resume) => {
    execFile(
      process.execPath,
      program,
      { env: { ...process.env, SHARER_SOCKET: socket, SHARER_LASTS: "4 seconds" } },
      (error, stdout, stderr) =>
        resume(error === null ? Effect.sync(() => JSON.parse(stdout)) : Effect.dieMessage(stderr))
    )
  })

describe.skipIf(!hasRedis)("over a real Redis, a budget", mostlyWaiting, () => {
  it.scopedLive("holds for two processes together, and each gets on", () =>
    Effect.gen(function*() {
      const { socket } = yield* redis
      const program = yield* Effect.promise(() =>
        bundle(fileURLToPath(new URL("./support/sharer.ts", import.meta.url)))
      )
      const [one, other] = yield* Effect.all([sharer(program, socket), sharer(program, socket)], { concurrency: 2 })
      const all = [...one, ...other].sort((a, b) => a - b)
      assert.isAtMost(busiest(all, SHORT_WINDOW), 20)
      assert.isAbove(Math.min(one.length, other.length), 3)
      // The even rate is the limit less two bursts of 1, 18 in 2 seconds: 36 in 4 seconds, less the waits with jitter.
      assert.isAbove(all.length, 14)
    }), 90_000)

  it.scopedLive("goes on when Redis is killed", () => {
    const warnings: Array<unknown> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => {
        warnings.push(message)
      })
    )
    return Effect.gen(function*() {
      const { server, socket } = yield* redis
      const store = RedisStore.layerStore({ path: socket, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      const times: Array<number> = []
      // The store's own finalizer dies of the closed connection, after all of this.
      let before = 0
      yield* Effect.gen(function*() {
        const taking = yield* takeFor(
          Shared.make({ key: "test", requestsPerMinute: 20, burst: 5, window: "2 seconds" }),
          times
        )
        yield* Effect.sleep("1 second")
        server.kill("SIGKILL")
        yield* Effect.sleep("500 millis")
        before = times.length
        yield* Effect.sleep("3 seconds")
        yield* Fiber.interrupt(taking)
      }).pipe(Effect.provide(Layer.provide(RateLimiter.layer, store)), Effect.exit)
      assert.isAbove(times.length - before, 7)
      assert.isAtMost(busiest(times.slice(before), SHORT_WINDOW), 20)
      deepStrictEqual(warnings.length, 1)
    }).pipe(Effect.provide(logger))
  }, 90_000)
})
