/** The timeout of attempts: one timer for all of them, and nothing is left when they end. */
import { assert, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Cause, Clock, Effect, Exit, Fiber, identity, Supervisor, TestClock } from "effect"
import * as AttemptTimeout from "../src/internal/http/attemptTimeout.ts"

it.effect("ends each attempt at its own deadline, also when it began between two milliseconds", () =>
  Effect.gen(function*() {
    const withTimeout = AttemptTimeout.make(10_000, "timeout")
    const ends: Array<number> = []
    const fiber = yield* Effect.fork(Effect.forEach(
      Array.from({ length: 40 }, (_, i) => i * 0.137123456),
      (start) =>
        Effect.sleep(start).pipe(
          Effect.zipRight(Effect.flip(withTimeout(Effect.never, identity))),
          Effect.zipRight(Clock.currentTimeMillis),
          Effect.map((now) => ends.push(now - start))
        ),
      { concurrency: "unbounded", discard: true }
    ))
    yield* TestClock.adjust("9999 millis")
    deepStrictEqual(ends, [])
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(fiber)
    assert.strictEqual(ends.length, 40)
    for (const end of ends) assert.closeTo(end, 10_000, 1)
  }))

it.effect("ends after the attempt has closed its connection", () =>
  Effect.gen(function*() {
    const events: Array<string> = []
    const note = (event: string) => Effect.sync(() => void events.push(event))
    const attempt = Effect.onInterrupt(Effect.never, () => Effect.delay(note("closed"), "1 second"))
    const fiber = yield* Effect.fork(
      Effect.tapError(AttemptTimeout.make(1000, "timeout")(attempt, identity), note)
    )
    yield* TestClock.adjust("1999 millis")
    deepStrictEqual(events, [])
    yield* TestClock.adjust("1 millis")
    yield* Fiber.await(fiber)
    deepStrictEqual(events, ["closed", "timeout"])
  }))

it.effect("completes each attempt once, with its exit, after it has ended", () =>
  Effect.gen(function*() {
    const completed: Array<string> = []
    const withTimeout = AttemptTimeout.make(1000, "timeout")
    const complete = (exit: Exit.Exit<string, string>) =>
      Effect.zipRight(
        Effect.sync(() =>
          void completed.push(Exit.match(exit, {
            onSuccess: identity,
            onFailure: (cause) => Cause.isInterruptedOnly(cause) ? "interrupted" : Cause.squash(cause) as string
          }))
        ),
        exit
      )
    yield* withTimeout(Effect.succeed("answered"), complete)
    yield* Effect.ignore(withTimeout(Effect.fail("refused"), complete))
    const late = yield* Effect.fork(Effect.ignore(withTimeout(Effect.never, complete)))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(late)
    const ending = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void completed.push("ended")))
    const given = yield* Effect.fork(withTimeout(ending, complete))
    yield* TestClock.adjust("500 millis")
    yield* Fiber.interrupt(given)
    deepStrictEqual(completed, ["answered", "refused", "timeout", "ended", "interrupted"])
  }))

it.effect("ends an attempt in an uninterruptible region, for example of an acquire", () =>
  Effect.gen(function*() {
    const attempt = AttemptTimeout.make(1000, "timeout")(Effect.never, identity)
    const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.flip(attempt)))
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Fiber.join(fiber), "timeout")
  }).pipe(Effect.timeout("1 minute")))

/** A clock that never wakes a sleeper and counts them. */
const countingClock = () => {
  const counts = { made: 0, left: 0 }
  const clock: Clock.Clock = {
    ...Clock.make(),
    unsafeCurrentTimeMillis: () => 0,
    unsafeCurrentTimeNanos: () => 0n,
    sleep: () =>
      Effect.async<void>(() => {
        counts.made++
        counts.left++
        return Effect.sync(() => void counts.left--)
      })
  }
  return { clock, counts }
}

it.effect("uses one timer for 1,000 attempts, and leaves no fiber and no timer", () =>
  Effect.gen(function*() {
    const { clock, counts } = countingClock()
    const supervisor = yield* Supervisor.track
    const withTimeout = AttemptTimeout.make(1000, "timeout")
    let open = 0
    const attempt = Effect.acquireUseRelease(
      Effect.sync(() => void open++),
      () => Effect.never,
      () => Effect.sync(() => void open--)
    )
    const fibers = yield* Effect.forEach(
      Array.from({ length: 1000 }),
      () => Effect.fork(withTimeout(attempt, identity))
    ).pipe(
      Effect.supervised(supervisor),
      Effect.withClock(clock)
    )
    while (open < 1000) yield* Effect.yieldNow()
    // For each attempt the caller and the attempt, and the one that watches all.
    assert.strictEqual((yield* supervisor.value).length, 2001)
    yield* Fiber.interruptAll(fibers)
    while ((yield* supervisor.value).length > 0) yield* Effect.yieldNow()
    deepStrictEqual({ ...counts, open }, { made: 1, left: 0, open: 0 })
  }))

it.effect("leaves no fiber and no timer after an attempt that succeeds, fails or dies", () =>
  Effect.gen(function*() {
    const { clock, counts } = countingClock()
    const supervisor = yield* Supervisor.track
    const withTimeout = AttemptTimeout.make(1000, "timeout")
    for (const exit of [Exit.succeed(1), Exit.fail("failure"), Exit.die("defect")]) {
      const attempt = Effect.zipRight(Effect.yieldNow(), exit)
      const result = yield* Effect.exit(withTimeout(attempt, identity)).pipe(
        Effect.supervised(supervisor),
        Effect.withClock(clock)
      )
      deepStrictEqual(result, exit)
      while ((yield* supervisor.value).length > 0) yield* Effect.yieldNow()
      assert.strictEqual(counts.left, 0)
    }
  }))

it.effect("does not take an attempt that interrupts itself for one that took too long", () =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(AttemptTimeout.make(1000, "timeout")(Effect.interrupt, identity))
    assert.isTrue(Exit.isInterrupted(exit))
  }))
