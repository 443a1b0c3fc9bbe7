/** The queue of requests that wait for a permit, when two things happen at the same moment. */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Effect, Exit, Fiber, Option, TestClock } from "effect"
import * as PermitQueue from "../src/internal/budget/permitQueue.ts"
import { SlidingWindow } from "../src/internal/budget/slidingWindow.ts"

const settle = TestClock.adjust(0)

const isDone = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) => Effect.map(fiber.poll, Option.isSome)

const inMemory = (limit: number) => PermitQueue.make({ window: new SlidingWindow(limit, 60_000) })

/** A queue over a store that takes a second to grant a permit, and the number of requests to it. */
const shared = () => {
  const store = { requests: 0 }
  const acquireShared = Effect.delay(
    Effect.sync(() => {
      store.requests++
      return 0
    }),
    "1 second"
  )
  return { queue: PermitQueue.make({ window: new SlidingWindow(60, 60_000), acquireShared }), store }
}

describe("a permit", () => {
  it.effect("that was released goes to the request that waits, and not to one that comes at that moment", () =>
    Effect.gen(function*() {
      const queue = inMemory(1)
      const held = yield* queue.acquire("interactive")
      const first = yield* Effect.fork(queue.acquire("interactive"))
      yield* settle
      const second = yield* Effect.fork(Effect.zipRight(queue.release(held), queue.acquire("interactive")))
      yield* settle
      deepStrictEqual([yield* isDone(first), yield* isDone(second)], [true, false])
    }))

  it.effect("is not lost when its request is interrupted, at whatever moment of the grant", () =>
    Effect.gen(function*() {
      for (let yields = 0; yields < 12; yields++) {
        const queue = inMemory(1)
        const held = yield* queue.acquire("interactive")
        const waiting = yield* Effect.fork(queue.acquire("interactive"))
        yield* settle
        yield* queue.release(held)
        for (let i = 0; i < yields; i++) yield* Effect.yieldNow()
        const exit = yield* Fiber.interrupt(waiting)
        if (Exit.isSuccess(exit)) yield* queue.release(exit.value)
        const next = yield* Effect.fork(queue.acquire("interactive"))
        yield* settle
        assert.isTrue(yield* isDone(next), `interrupted after ${yields} turns`)
      }
    }))

  it.effect("is granted at once to an interactive request while others wait for a part of the limit that is used up", () =>
    Effect.gen(function*() {
      const queue = inMemory(60)
      yield* Effect.fork(Effect.forEach(Array.from({ length: 60 }), () => queue.acquire("background"), {
        concurrency: "unbounded"
      }))
      yield* settle
      const interactive = yield* Effect.fork(queue.acquire("interactive"))
      yield* settle
      assert.isTrue(yield* isDone(interactive))
    }))
})

describe("a permit of a shared budget", () => {
  it.effect("goes to the next request when the first has left before the store granted it", () =>
    Effect.gen(function*() {
      const { queue, store } = shared()
      const first = yield* Effect.fork(queue.acquire("interactive"))
      const second = yield* Effect.fork(queue.acquire("interactive"))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("500 millis")
      assert.isTrue(yield* isDone(second))
      assert.strictEqual(store.requests, 1)
    }))

  it.effect("is granted to a later request when the only one has left before the store granted it", () =>
    Effect.gen(function*() {
      const { queue } = shared()
      const first = yield* Effect.fork(queue.acquire("interactive"))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 minute")
      const second = yield* Effect.fork(queue.acquire("interactive"))
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* isDone(second))
    }))
})
