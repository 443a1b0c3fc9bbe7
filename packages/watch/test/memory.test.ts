/** Finished watches leave no memory behind. */
import { Call, ExotelCalls, RequestBudget } from "@effect-exotel/core"
import { Arbitraries } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Option, Stream } from "effect"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { cases, share } from "../../../scripts/lib/cases.mjs"

V8.setFlagsFromString("--expose-gc")
const collectGarbage = Vm.runInNewContext("gc") as () => void

const heapUsed = Effect.promise(async () => {
  // Finalizers and weak references are settled by the second collection.
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await new Promise((resume) => setTimeout(resume, 10))
  }
  return process.memoryUsage().heapUsed
})

const [sample = assert.fail()] = FastCheck.sample(Arbitraries.call, { numRuns: 1, seed: 1 })

/** A service whose calls all have this status. */
const callsWith = (status: string): ExotelCalls.Service => {
  const service: Pick<ExotelCalls.Service, "getWithDetails"> = {
    getWithDetails: (sid) =>
      Effect.sync(() =>
        new Call.Call({
          ...sample,
          sid: sid as Call.Call["sid"],
          status,
          details: Option.none()
        }, { disableValidation: true }) as Call.CallWithDetails
      )
  }
  return service as ExotelCalls.Service
}

const BATCH = Math.max(3000, cases(5000))
/** In the first batches the runtime compiles most of the code, which takes heap as well. */
const WARM_UP = 4
/** In bytes for each watch, less than an object takes. Compiled code, some 400 kB, is a larger share in a short run. */
const LIMIT = share() < 1 ? 40 : 20

const sids = (batch: number) => Array.from({ length: BATCH }, (_, i) => `call${batch}x${i}`)

const bytesPerWatch = (
  status: string,
  batchOf: (watch: CallWatch.Service, sids: ReadonlyArray<string>) => Effect.Effect<void, unknown>
) =>
  Effect.scoped(Effect.gen(function*() {
    const watch = yield* CallWatch.make()
    const batches = Math.max(5, cases(20))
    for (let batch = 0; batch < WARM_UP; batch++) yield* batchOf(watch, sids(batch))
    const before = yield* heapUsed
    for (let batch = 0; batch < batches; batch++) yield* batchOf(watch, sids(WARM_UP + batch))
    return ((yield* heapUsed) - before) / (batches * BATCH)
  })).pipe(
    Effect.provideService(ExotelCalls.ExotelCalls, callsWith(status)),
    Effect.provideService(RequestBudget.RequestBudget, RequestBudget.unlimited)
  )

describe("a finished watch", () => {
  it.live("leaves less heap than an object takes when its call has ended", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesPerWatch("completed", (watch, sids) => Stream.runDrain(watch.fleet(sids)))
      assert.isBelow(bytes, LIMIT)
    }), 120_000)

  it.live("leaves less heap than an object takes when it is interrupted", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesPerWatch("in-progress", (watch, sids) =>
        watch.fleet(sids).pipe(
          Stream.filter((event) => event._tag === "Observed"),
          Stream.take(BATCH),
          Stream.runDrain
        ))
      assert.isBelow(bytes, LIMIT)
    }), 120_000)
})
