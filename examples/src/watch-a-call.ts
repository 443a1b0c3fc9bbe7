/**
 * Composes the layers, reads a call with its details, streams its status until it ends, and prints it.
 *
 * Without arguments it runs against a fake Exotel on loopback, over real HTTP. With `EXOTEL_API_KEY`,
 * `EXOTEL_API_TOKEN`, `EXOTEL_ACCOUNT_SID` and `EXOTEL_REGION` set and a call's sid as argument, it watches a real call.
 */
import type { Call } from "@effect-exotel/core"
import { ExotelCalls } from "@effect-exotel/core"
import { CallScript, FakeExotel } from "@effect-exotel/testing"
import { CallWatch, WatchEvent, WatchPolicy } from "@effect-exotel/watch"
import { NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Layer, Stream } from "effect"
import { line, summary } from "./lib/print.ts"

/** Reads the call once, then streams its events until its record is complete. */
const watchCall = (sid: string, policy: WatchPolicy.Options) =>
  Effect.gen(function*() {
    const calls = yield* ExotelCalls.ExotelCalls
    const watch = yield* CallWatch.CallWatch
    const startedAt = yield* Clock.currentTimeMillis
    const call: Call.CallWithDetails = yield* calls.getWithDetails(sid)
    yield* Console.log(`\nCall ${call.sid}\n`)
    yield* watch.events(sid, { ...policy, until: "settled" }).pipe(
      Stream.runForEach((event) =>
        Console.log(WatchEvent.WatchEvent.$is("Settled")(event) ? `\n${summary(event)}` : line(event, startedAt))
      )
    )
  })

const Watch = CallWatch.layer

const fake = Effect.gen(function*() {
  const fake = yield* FakeExotel.FakeExotel
  yield* Console.log(`A fake Exotel listens at ${fake.baseUrl}. A call to a customer begins:`)
  const sid = yield* fake.place(CallScript.answered({
    stages: true,
    queue: "500 millis",
    ring: "1500 millis",
    talk: "3 seconds",
    settles: "1500 millis",
    price: "1.500"
  }))
  yield* watchCall(sid, {
    cadence: WatchPolicy.every("250 millis"),
    settleCadence: WatchPolicy.every("500 millis")
  })
  const requests = yield* fake.journal
  yield* Console.log(
    `\n${requests.length} requests over HTTP. To watch a real call: pnpm example <sid>, with EXOTEL_* set.`
  )
}).pipe(Effect.provide(Watch.pipe(Layer.provideMerge(FakeExotel.layerServer()))))

const real = (sid: string) => {
  const Exotel = ExotelCalls.layerConfig().pipe(Layer.provide(NodeHttpClient.layerUndici))
  return watchCall(sid, WatchPolicy.eager).pipe(Effect.provide(Watch.pipe(Layer.provideMerge(Exotel))))
}

const [sid] = process.argv.slice(2)

NodeRuntime.runMain(
  (sid === undefined ? fake : real(sid)).pipe(
    Effect.tapError((error) => Console.error(`\n${error._tag}: ${"message" in error ? error.message : String(error)}`))
  ),
  { disableErrorReporting: true }
)
