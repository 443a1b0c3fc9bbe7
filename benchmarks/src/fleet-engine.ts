/**
 * Measures the cost of a fleet besides its requests: heap per sleeping watch, CPU per poll, and the time to start and to
 * interrupt it. A stub responds at once, so that only the engine is measured. The same run measures two alternatives: one
 * fiber with a loop per call, and one polling stream per call.
 *
 * CPU time is that of the whole process, including the threads of the garbage collector. Heap is measured after two
 * collections.
 */
import { Call, CallSid, ExotelCalls, RequestBudget } from "@effect-exotel/core"
import { Arbitraries } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, FastCheck, Fiber, Layer, Schedule, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { smoke, table } from "./lib/measure.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const heap = Effect.sync(() => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
})

const cpuMicros = Effect.sync(() => {
  const { system, user } = process.cpuUsage()
  return system + user
})

const [call] = FastCheck.sample(
  Arbitraries.call.filter((call): call is Call.CallWithDetails => !Call.isTerminal(call) && Call.hasDetails(call)),
  { numRuns: 1, seed: 3 }
)

let polls = 0

const unused = () => Effect.dieMessage("not used by this benchmark")
const answering = Layer.succeed(ExotelCalls.ExotelCalls, {
  get: unused,
  getWithDetails: () => {
    polls += 1
    return call === undefined ? Effect.dieMessage("no sample") : Effect.succeed(call)
  },
  // No call has ended.
  findEnded: (sids) => Effect.succeed({ calls: [], missing: [...sids].filter(CallSid.isCallSid), malformed: [] }),
  listEnded: () => Stream.die("not used by this benchmark"),
  connect: () => Effect.die("not used by this benchmark"),
  findPlaced: () => Effect.die("not used by this benchmark"),
  verify: Effect.void
})

/** The same behind a budget of 5,000 requests a minute. */
const limited = Layer.merge(answering, RequestBudget.layerMemory({ requestsPerMinute: 5000 }))

/** The time until every call has been added, and the time to interrupt them all. */
const startAndStop = (count: number) =>
  Effect.gen(function*() {
    const watch = yield* CallWatch.CallWatch
    const sids = sidsOf(count)
    let added = 0
    const began = performance.now()
    const fiber = yield* Effect.fork(
      Stream.runForEachChunk(watch.fleet(sids), (events) =>
        Effect.sync(() => {
          for (const { _tag } of events) if (_tag === "Added") added += 1
        }))
    )
    while (added < count) yield* Effect.sleep(5)
    const start = performance.now() - began
    yield* Effect.sleep("1 second")
    const leaves = performance.now()
    yield* Fiber.interrupt(fiber)
    return { start, stop: performance.now() - leaves }
  }).pipe(Effect.provide(CallWatch.layer.pipe(Layer.provide(limited))))

const sidsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => `b6aa4d0ajh7sw2nq9gk1rv${i.toString(36).padStart(10, "0")}`)

const poll = Effect.flatMap(
  ExotelCalls.ExotelCalls,
  (calls) => calls.getWithDetails("b6aa4d0ajh7sw2nq9gk1rv5tz3xc8e1f")
)

type Needs = ExotelCalls.ExotelCalls | CallWatch.CallWatch

/** Watches the calls at the given interval in seconds, until it is interrupted. */
type Way = (sids: ReadonlyArray<string>, seconds: number) => Effect.Effect<void, unknown, Needs>

const ways: Readonly<Record<string, Way>> = {
  "one fleet": (sids, seconds) =>
    Effect.flatMap(
      CallWatch.CallWatch,
      (watch) => Stream.runDrain(watch.fleet(sids, { cadence: WatchPolicy.every(`${seconds} seconds`) }))
    ),
  "one fiber per call": (sids, seconds) =>
    Effect.forEach(sids, () => Effect.forever(Effect.zipRight(poll, Effect.sleep(`${seconds} seconds`))), {
      concurrency: "unbounded",
      discard: true
    }),
  "one stream per call": (sids, seconds) =>
    Effect.forEach(
      sids,
      () => Stream.runDrain(Stream.repeatEffectWithSchedule(poll, Schedule.spaced(`${seconds} seconds`))),
      { concurrency: "unbounded", discard: true }
    )
}

interface Cost {
  readonly bytes: number
  readonly micros: number
  readonly startMillis: number
  readonly interruptMillis: number
  /** Polls after the interruption. */
  readonly after: number
}

/** Each call is polled at the interval in seconds; the CPU is that of `period` seconds, after as long a time. */
const measure = (way: Way, count: number, seconds: number, period: number): Effect.Effect<Cost, never, Needs> =>
  Effect.gen(function*() {
    const sids = sidsOf(count)
    // V8 flattens concatenated strings at their first use; do it before the heap is measured.
    for (const sid of sids) Number(sid)
    const before = yield* heap
    polls = 0
    const began = performance.now()
    const fiber = yield* Effect.fork(Effect.ignore(way(sids, seconds)))
    while (polls < count) yield* Effect.sleep(5)
    const startMillis = performance.now() - began
    const bytes = ((yield* heap) - before) / count
    // Let the compiler finish.
    yield* Effect.sleep(`${period} seconds`)
    const polled = polls
    const cpu = yield* cpuMicros
    yield* Effect.sleep(`${period} seconds`)
    const micros = ((yield* cpuMicros) - cpu) / (polls - polled)
    const leaves = performance.now()
    yield* Fiber.interrupt(fiber)
    const interruptMillis = performance.now() - leaves
    const left = polls
    yield* Effect.sleep(`${seconds} seconds`)
    return { bytes, micros, startMillis, interruptMillis, after: polls - left }
  }).pipe(Effect.withTracerEnabled(false))

const row = (name: string, count: number, cost: Cost, base: Cost) => [
  name,
  count.toLocaleString("en"),
  cost.bytes.toFixed(0),
  cost.micros.toFixed(1),
  (cost.bytes / base.bytes).toFixed(3),
  (cost.micros / base.micros).toFixed(2),
  cost.startMillis.toFixed(0),
  cost.interruptMillis.toFixed(0),
  String(cost.after)
]

const program = Effect.gen(function*() {
  const short = yield* smoke
  const count = short ? 1000 : 10_000
  const seconds = short ? 0.5 : 1
  const many = short ? 2000 : 100_000
  const period = short ? 1 : 10
  const costs: Array<readonly [string, number, Cost]> = []
  // Warm up, so that the first way does not include the compilation of shared code.
  for (const way of Object.values(ways)) yield* measure(way, 1000, seconds, period / 10)
  for (const [name, way] of Object.entries(ways)) costs.push([name, count, yield* measure(way, count, seconds, period)])
  costs.push(["one fleet", many, yield* measure(ways["one fleet"] ?? unused, many, 5 * seconds, period)])
  const base = costs[1]?.[2] ?? (yield* Effect.dieMessage("no baseline"))
  yield* Console.log("Ratios are relative to one fiber per call. Starting includes the first poll of every call.\n")
  yield* Console.log(table(
    [
      "watched by",
      "calls",
      "bytes",
      "µs per poll",
      "bytes ratio",
      "CPU ratio",
      "start ms",
      "interrupt ms",
      "polls afterwards"
    ],
    costs.map(([name, count, cost]) => row(name, count, cost, base))
  ))
  const { start, stop } = yield* startAndStop(many)
  yield* Console.log(
    `\nBehind a budget of 5,000 requests a minute, ${many.toLocaleString("en")} calls are added within `
      + `${start.toFixed(0)} ms and interrupted within ${stop.toFixed(0)} ms.`
  )
  const late = costs.filter(([, , { after }]) => after > 0)
  if (late.length > 0) return yield* Effect.dieMessage("a poll was sent after the interruption")
})

NodeRuntime.runMain(
  program.pipe(
    Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(Layer.merge(answering, RequestBudget.layerUnlimited))))
  )
)
