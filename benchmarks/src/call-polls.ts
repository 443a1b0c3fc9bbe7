/**
 * Shows when the presets of `WatchPolicy` poll one call: it rings 8 s, talks 60 s, and its record settles 40 s after the
 * end. It runs on the virtual clock.
 *
 * `BENCH_JSON=<file>` writes the result as JSON; the picture of the documentation is drawn from it.
 */
import { CallScript, FakeExotel, Simulation } from "@effect-exotel/testing"
import { CallWatch, WatchPolicy } from "@effect-exotel/watch"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Chunk, Console, Duration, Effect, Layer, Schema, Stream } from "effect"
import { writeJson } from "./lib/json.ts"
import { table } from "./lib/measure.ts"

const call = { ring: 8, talk: 60, settles: 40 }

const Seconds = Schema.Number
const Preset = Schema.Struct({
  name: Schema.String,
  polls: Schema.Array(Seconds),
  events: Schema.Array(Schema.Struct({ name: Schema.String, at: Seconds }))
})
const Result = Schema.parseJson(
  Schema.Struct({ ring: Seconds, talk: Seconds, settles: Seconds, presets: Schema.Array(Preset) }),
  { space: 2 }
)

const presets = { eager: WatchPolicy.eager, standard: WatchPolicy.standard, economical: WatchPolicy.economical }

const watch = (name: string, policy: WatchPolicy.Options) =>
  Effect.gen(function*() {
    const fake = yield* FakeExotel.FakeExotel
    const watch = yield* CallWatch.CallWatch
    const sid = yield* fake.place(CallScript.answered({
      ring: Duration.seconds(call.ring),
      talk: Duration.seconds(call.talk),
      settles: Duration.seconds(call.settles)
    }))
    const events = yield* Stream.runCollect(watch.events(sid, { ...policy, until: "settled" }))
    const journal = yield* fake.journal
    const began = (journal[0]?.at.epochMillis ?? 0) - Duration.toMillis(journal[0]?.elapsed ?? 0)
    const preset: typeof Preset.Type = {
      name,
      polls: journal.map(({ elapsed }) => Duration.toSeconds(elapsed)),
      events: Chunk.toReadonlyArray(events).map((event) => ({
        name: event._tag,
        at: (event.at.epochMillis - began) / 1000
      }))
    }
    return preset
  }).pipe(
    Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(FakeExotel.layer()))),
    Simulation.run()
  )

const program = Effect.gen(function*() {
  const result = {
    ...call,
    presets: yield* Effect.forEach(Object.entries(presets), ([name, policy]) => watch(name, policy))
  }
  yield* Console.log(table(
    ["preset", "requests", "events"],
    result.presets.map(({ events, name, polls }) => [
      name,
      String(polls.length),
      events.map(({ at, name }) => `${name} ${at.toFixed(1)} s`).join(", ")
    ])
  ))
  yield* writeJson(yield* Schema.encode(Result)(result))
})

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
