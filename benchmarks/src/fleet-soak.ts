/**
 * Runs a fleet for minutes over real sockets, with faults of every kind in one response of twenty. Each call must end
 * exactly once. No heap, no socket and no unhandled rejection may be left.
 */
import { CallScript, FakeExotel, FaultPlan } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer, Random, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { busiestMinute } from "./lib/callCenter.ts"
import { smoke } from "./lib/measure.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const heapMegabytes = Effect.sync(() => {
  collect()
  collect()
  return process.memoryUsage().heapUsed / 1e6
})

let rejections = 0
process.on("unhandledRejection", () => {
  rejections += 1
})

const sockets = () => process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length

/** Each applies to one response in 200; together they apply to one in 20. */
const faults = FaultPlan.all(
  ...[
    FaultPlan.status(500),
    FaultPlan.status(503, { retryAfter: Duration.seconds(1) }),
    FaultPlan.status(429, { retryAfter: Duration.seconds(1) }),
    FaultPlan.reset("request"),
    FaultPlan.reset("body"),
    FaultPlan.stalled(),
    FaultPlan.truncated(),
    FaultPlan.garbage,
    FaultPlan.html,
    FaultPlan.slowBody({ bytes: 500, every: "50 millis" })
  ].map((fault) => fault.pipe(FaultPlan.withProbability(0.005), FaultPlan.optional))
)

const soak = (count: number, duration: Duration.Duration) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const watch = yield* CallWatch.CallWatch
    const seconds = Duration.toSeconds(duration)
    const scripts = yield* Effect.replicateEffect(
      Effect.map(Random.nextRange(seconds * 0.05, seconds * 0.9), (talk) =>
        CallScript.answered({ ring: "1 second", talk: Duration.seconds(talk) })),
      count
    )
    const sids = yield* Effect.forEach(scripts, (script) =>
      fake.place(script))
    const endings = new Map<string, number>()
    const unexpected: Array<string> = []
    let failedPolls = 0
    yield* Stream.runForEach(
      watch.fleet(sids, { cadence: WatchPolicy.every("5 seconds"), maxErrorBackoff: "5 seconds" }),
      (event) =>
        Effect.sync(() => {
          if (event._tag === "Ended") endings.set(event.sid, (endings.get(event.sid) ?? 0) + 1)
          if (event._tag === "PollFailed") failedPolls += 1
          if (event._tag === "Failed") unexpected.push(`${event.sid}: ${event.error._tag}`)
        })
    )
    const journal = yield* fake.journal
    return {
      unexpected,
      failedPolls,
      endedOnce: [...endings.values()].filter((times) => times === 1).length,
      requests: journal.length,
      faults: journal.filter(({ fault }) => fault !== undefined).length,
      busiestMinute: busiestMinute(journal.map(({ at }) => at.epochMillis))
    }
  }).pipe(
    Effect.provide(
      CallWatch.layerWith({ concurrency: 64 }).pipe(
        Layer.provideMerge(FakeExotel.layerServer({
          faults,
          requestsPerMinute: REQUESTS_PER_MINUTE,
          verifyOnClose: false,
          client: { timeout: "2 seconds" }
        }))
      )
    ),
    Effect.withRandom(Random.make(7))
  )

const REQUESTS_PER_MINUTE = 6000

const program = Effect.gen(function*() {
  const short = yield* smoke
  const [count, duration] = short
    ? [300, Duration.seconds(6)] as const
    : [10_000, Duration.minutes(5)] as const
  // The first run loads and compiles code that stays in memory.
  yield* soak(200, Duration.seconds(5))
  yield* Effect.sleep("200 millis")
  const before = yield* heapMegabytes
  const socketsBefore = sockets()
  const began = performance.now()
  const found = yield* soak(count, duration)
  const took = (performance.now() - began) / 1000
  yield* Effect.sleep("1 second")
  const after = yield* heapMegabytes
  yield* Console.log([
    `${count} calls in ${
      took.toFixed(0)
    } s: ${found.endedOnce} ended exactly once, ${found.unexpected.length} otherwise`,
    `${found.requests} requests, ${found.faults} of them faulty; ${found.failedPolls} polls failed and were repeated`,
    `busiest minute ${found.busiestMinute} of ${REQUESTS_PER_MINUTE}`,
    `heap ${before.toFixed(1)} MB before, ${after.toFixed(1)} MB after (${(after / before).toFixed(2)})`,
    `sockets open ${sockets() - socketsBefore}, unhandled rejections ${rejections}`
  ].join("\n"))
  const wrong = [
    ...found.unexpected,
    ...(found.endedOnce === count ? [] : ["not every call ended once"]),
    ...(found.faults > 0 ? [] : ["no fault was applied"]),
    ...(after <= before * 1.1 ? [] : ["the heap has grown by more than a tenth"]),
    ...(sockets() <= socketsBefore ? [] : ["sockets are open"]),
    ...(rejections === 0 ? [] : ["unhandled rejections"])
  ]
  if (wrong.length > 0) return yield* Effect.dieMessage(wrong.join("\n"))
})

NodeRuntime.runMain(program)
