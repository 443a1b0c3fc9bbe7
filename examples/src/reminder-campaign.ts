/**
 * Reminds 200 people of their appointments: 30 calls a minute, up to three attempts, and never two calls to one person at
 * once. It runs against a fake Exotel in this process, on a clock that runs sixty times as fast, and ends with a table.
 *
 * Setting: `CAMPAIGN_SPEED`. Ctrl-C ends it.
 */
import { FakeExotel, ScaledClock } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Chunk, Clock, Config, Console, Duration, Effect, Layer, Schedule, Stream } from "effect"
import { run, standard } from "./reminder-campaign/campaign.ts"
import * as People from "./reminder-campaign/people.ts"
import { table } from "./reminder-campaign/table.ts"

const settings = { ...standard, callerId: "08047123456", appId: "926" }

/** A line every five minutes. */
const progress = Effect.gen(function*() {
  const startedAt = yield* Clock.currentTimeMillis
  yield* Effect.gen(function*() {
    const { mostPerMinute, placed } = yield* People.figures
    const minutes = Math.round(((yield* Clock.currentTimeMillis) - startedAt) / 60_000)
    yield* Console.log(
      `  minute ${String(minutes).padStart(2)}: ${placed} calls placed, at most ${mostPerMinute} a minute`
    )
  }).pipe(Effect.repeat(Schedule.spaced("5 minutes")), Effect.delay("5 minutes"))
})

const campaign = Effect.gen(function*() {
  yield* Console.log(`${People.reminders.length} reminders, ${settings.callsPerMinute} calls a minute:\n`)
  yield* Effect.forkScoped(progress)
  const results = yield* Stream.runCollect(run(People.reminders, settings))
  const { mostAtOnceToOnePerson, mostPerMinute, placed } = yield* People.figures
  yield* Console.log(`\n${table(Chunk.toReadonlyArray(results), settings.attempts)}\n`)
  yield* Console.log(
    `${placed} calls placed, at most ${mostPerMinute} in a minute, at most ${mostAtOnceToOnePerson} at once to one person.`
  )
})

const program = Effect.gen(function*() {
  const speed = yield* Config.withDefault(Config.number("CAMPAIGN_SPEED"), 60)
  // The program itself does not run faster with the clock, so the timeouts are scaled.
  const Exotel = FakeExotel.layer({
    ...People.fake,
    client: { timeout: Duration.seconds(10 * speed), connectTimeout: Duration.seconds(30 * speed) }
  })
  yield* campaign.pipe(
    Effect.scoped,
    Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(Exotel), Layer.provideMerge(ScaledClock.layer(speed))))
  )
})

NodeRuntime.runMain(
  Effect.tapErrorCause(program, (cause) => Console.error(Cause.pretty(cause))),
  { disableErrorReporting: true }
)
