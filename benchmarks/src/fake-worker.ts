/**
 * Measures the real time in which a worker follows a simulated call of 30 minutes, by its poll interval: on a `TestClock`
 * and in a `Simulation`.
 *
 * A `TestClock` waits for three iterations of Node's event loop at each sleep that it ends. The last column is that time
 * alone, for the same number of sleeps without any request.
 */
import { Call, ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Fiber, Layer, TestClock, TestContext } from "effect"
import { median, smoke, table } from "./lib/measure.ts"

const script = CallScript.answered({ ring: "8 seconds", talk: "30 minutes", settles: "20 seconds" })

interface Worker {
  readonly polls: number
}

const untilEnded = (
  sid: string,
  interval: Duration.Duration
): Effect.Effect<Worker, unknown, ExotelCalls.ExotelCalls> =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls.ExotelCalls
    let polls = 1
    while (!Call.isTerminal(yield* calls.get(sid))) {
      polls++
      yield* Effect.sleep(interval)
    }
    return { polls }
  })

const onTestClock = (
  worker: Effect.Effect<Worker, unknown, ExotelCalls.ExotelCalls | FakeExotel.FakeExotel>,
  interval: Duration.Duration
) =>
  Effect.gen(function*() {
    const begin = performance.now()
    const fiber = yield* Effect.fork(worker)
    yield* TestClock.adjust(Duration.sum(CallScript.duration(script), interval))
    const { polls } = yield* Fiber.join(fiber)
    return { polls, millis: performance.now() - begin }
  }).pipe(Effect.provide(FakeExotel.layer().pipe(Layer.provideMerge(TestContext.TestContext))))

const inSimulation = (worker: Effect.Effect<Worker, unknown, ExotelCalls.ExotelCalls | FakeExotel.FakeExotel>) =>
  Effect.gen(function*() {
    const begin = performance.now()
    yield* worker.pipe(Effect.provide(FakeExotel.layer()), Simulation.run())
    return performance.now() - begin
  })

const measure = (interval: Duration.Duration, rounds: number) =>
  Effect.gen(function*() {
    const watched: Array<number> = []
    const simulated: Array<number> = []
    const slept: Array<number> = []
    let polls = 0
    for (let round = 0; round <= rounds; round++) {
      const worker = Effect.flatMap(
        Effect.flatMap(FakeExotel.FakeExotel, (fake) => fake.place(script)),
        (sid) => untilEnded(sid, interval)
      )
      const watching = yield* onTestClock(worker, interval)
      const simulating = yield* inSimulation(worker)
      polls = watching.polls
      const sleeping = yield* onTestClock(
        Effect.as(Effect.repeatN(Effect.sleep(interval), Math.max(0, polls - 2)), { polls }),
        interval
      )
      if (round === 0) continue
      watched.push(watching.millis)
      simulated.push(simulating)
      slept.push(sleeping.millis)
    }
    return [
      Duration.format(interval),
      String(polls),
      ...[watched, simulated, slept].map((times) => median(times).toFixed(1))
    ]
  })

const program = Effect.gen(function*() {
  const rounds = (yield* smoke) ? 1 : 7
  const all = ["10 minutes", "5 minutes", "2 minutes", "1 minute", "30 seconds"] as const
  const intervals = (yield* smoke) ? all.slice(0, 2) : all
  const rows = yield* Effect.forEach(intervals, (interval) => measure(Duration.decode(interval), rounds))
  yield* Console.log(`A worker on a call of 30 minutes, real milliseconds (median of ${rounds})\n`)
  yield* Console.log(table(["poll every", "polls", "on a TestClock", "in a Simulation", "TestClock alone"], rows))
})

NodeRuntime.runMain(program)
