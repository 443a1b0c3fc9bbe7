/** A fake Exotel in a process of its own, whose calls end evenly within a period. */
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Duration, Effect } from "effect"

/** When the call of this index ends, in milliseconds after all calls were placed. */
export const endsAfter = (index: number, calls: number, from: number, to: number): number =>
  from + (to - from) * ((index * 7919) % calls) / calls

const program = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  const calls = yield* Config.integer("CALLS")
  const from = yield* Config.integer("FROM")
  const to = yield* Config.integer("TO")
  for (let i = 0; i < calls; i++) {
    const talk = Duration.millis(endsAfter(i, calls, from, to) - 2000)
    yield* fake.place(CallScript.answered({ ring: "2 seconds", talk }), { sid: `c${i}` })
  }
  yield* Console.log(`READY ${fake.baseUrl} ${Date.now()}`)
  return yield* Effect.never
})

if (process.env["CALLS"] !== undefined) {
  program.pipe(
    Effect.provide(FakeExotel.layerServer({ requestsPerMinute: Infinity, journalLimit: 10, verifyOnClose: false })),
    NodeRuntime.runMain
  )
}
