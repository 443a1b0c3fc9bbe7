/** A budget that several processes share: over a store that fails in the ways that stores do, and over a real Redis. */
import * as SharedBudget from "@effect-exotel/core/RequestBudget/Shared"
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as RedisStore from "@effect/experimental/RateLimiter/Redis"
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Clock, Effect, Fiber, Layer, Logger, TestClock } from "effect"
import { execFile, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const busiest = (times: ReadonlyArray<number>, window: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + window).length))

const takeFor = (
  make: Effect.Effect<Effect.Effect.Success<ReturnType<typeof SharedBudget.make>>, never, RateLimiter.RateLimiter>,
  times: Array<number>
) =>
  Effect.flatMap(make, (budget) =>
    Effect.fork(Effect.forever(Effect.zipRight(
      budget.acquire("interactive"),
      Effect.map(Clock.currentTimeMillis, (now) => times.push(now))
    ))))

const options = { key: "acme1m", requestsPerMinute: 30 }

const overStore = (store: Layer.Layer<RateLimiter.RateLimiterStore>) => Layer.provide(RateLimiter.layer, store)

describe("a shared budget", () => {
  it.effect("holds for all who share its store together, in any sixty seconds, and each gets on", () =>
    Effect.gen(function*() {
      const one: Array<number> = []
      const other: Array<number> = []
      yield* takeFor(SharedBudget.make(options), one)
      yield* takeFor(SharedBudget.make(options), other)
      yield* TestClock.adjust("10 minutes")
      assert.isAtMost(busiest([...one, ...other], 60_000), 30)
      // Of thirty, a burst of three; the other twenty-seven come evenly.
      assert.isAtLeast(one.length + other.length, 265)
      assert.isAtLeast(Math.min(one.length, other.length), 60)
    }).pipe(Effect.provide(overStore(RateLimiter.layerStoreMemory))))

  it.effect("keeps accounts apart", () =>
    Effect.gen(function*() {
      const one: Array<number> = []
      const other: Array<number> = []
      yield* takeFor(SharedBudget.make(options), one)
      yield* takeFor(SharedBudget.make({ ...options, key: "other" }), other)
      yield* TestClock.adjust("2 minutes")
      assert.isAbove(Math.min(one.length, other.length), 50)
    }).pipe(Effect.provide(overStore(RateLimiter.layerStoreMemory))))

  for (
    const [name, answer] of [
      ["fails", Effect.fail(new RateLimiter.RateLimitStoreError({ message: "gone" }))],
      ["dies", Effect.dieMessage("gone")],
      ["never answers", Effect.never]
    ] as const
  ) {
    it.effect(`goes on by itself, within the limit, when the store ${name}, and says so once a minute`, () => {
      const warnings: Array<unknown> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => {
          warnings.push(message)
        })
      )
      return Effect.gen(function*() {
        const times: Array<number> = []
        yield* takeFor(SharedBudget.make(options), times)
        yield* TestClock.adjust("3 minutes")
        assert.isAtMost(busiest(times, 60_000), 30)
        assert.isAtLeast(times.length, 80)
        assert.isAtLeast(warnings.length, 2)
        assert.isAtMost(warnings.length, 4)
      }).pipe(
        Effect.provide([
          overStore(
            Layer.succeed(RateLimiter.RateLimiterStore, { fixedWindow: () => answer, tokenBucket: () => answer })
          ),
          logger
        ])
      )
    })
  }

  it.effect("asks a store again that has come back", () =>
    Effect.gen(function*() {
      let asked = 0
      const store = Layer.succeed(RateLimiter.RateLimiterStore, {
        fixedWindow: () => Effect.dieMessage("not used"),
        tokenBucket: () =>
          Effect.suspend(() =>
            ++asked === 1 ? Effect.fail(new RateLimiter.RateLimitStoreError({ message: "gone" })) : Effect.succeed(1)
          )
      })
      yield* Effect.gen(function*() {
        const budget = yield* SharedBudget.make(options)
        yield* budget.acquire("interactive")
        yield* budget.acquire("interactive")
        assert.strictEqual(asked, 1)
        yield* TestClock.adjust("1 minute")
        yield* budget.acquire("interactive")
        assert.strictEqual(asked, 2)
      }).pipe(Effect.provide(overStore(store)))
    }))
})

const hasRedis = spawnSync("redis-server", ["--version"]).status === 0
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

const sharer = (socket: string) =>
  Effect.async<ReadonlyArray<number>>((resume) => {
    execFile(
      process.execPath,
      ["--import", "tsx", fileURLToPath(new URL("./support/sharer.ts", import.meta.url))],
      { env: { ...process.env, SHARER_SOCKET: socket, SHARER_LASTS: "6 seconds" } },
      (error, stdout, stderr) =>
        resume(error === null ? Effect.sync(() => JSON.parse(stdout)) : Effect.dieMessage(stderr))
    )
  })

describe.skipIf(!hasRedis)("over a real Redis, a budget", () => {
  it.scopedLive("holds for two processes together, and each gets on", () =>
    Effect.gen(function*() {
      const { socket } = yield* redis
      const [one, other] = yield* Effect.all([sharer(socket), sharer(socket)], { concurrency: 2 })
      const all = [...one, ...other].sort((a, b) => a - b)
      assert.isAtMost(busiest(all, SHORT_WINDOW), 20)
      assert.isAbove(Math.min(one.length, other.length), 5)
      // In the time in which both were there, what the limit gives was used.
      assert.isAbove(all.length, 35)
    }), 30_000)

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
          SharedBudget.make({ key: "test", requestsPerMinute: 20, burst: 5, window: "2 seconds" }),
          times
        )
        yield* Effect.sleep("1 second")
        server.kill("SIGKILL")
        yield* Effect.sleep("500 millis")
        before = times.length
        yield* Effect.sleep("4 seconds")
        yield* Fiber.interrupt(taking)
      }).pipe(Effect.provide(Layer.provide(RateLimiter.layer, store)), Effect.exit)
      assert.isAbove(times.length - before, 10)
      assert.isAtMost(busiest(times.slice(before), SHORT_WINDOW), 20)
      deepStrictEqual(warnings.length, 1)
    }).pipe(Effect.provide(logger))
  }, 30_000)
})
