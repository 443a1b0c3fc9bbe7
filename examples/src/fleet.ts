/**
 * Watches a simulated call center with one fleet: 1,000 concurrent calls, 200 requests a minute, and a screen that shows
 * their state. It runs against a fake Exotel over real HTTP, on a clock that runs twenty times as fast.
 *
 * Settings: `FLEET_CALLS`, `FLEET_PER_MINUTE`, `FLEET_SPEED`, `FLEET_DETAILS` and `FLEET_MINUTES` (of the fast clock; 3 by
 * default, without end on a terminal). Ctrl-C ends it.
 */
import { FakeExotel, ScaledClock } from "@effect-exotel/testing"
import { CallWatch, FleetState, WatchPolicy } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Config, Console, Duration, Effect, Layer, Schema, Stream } from "effect"
import { Board } from "./lib/fleet/board.ts"
import { type CallCenter, open } from "./lib/fleet/callCenter.ts"
import { show } from "./lib/fleet/screen.ts"

/** The part that an application would contain: it adds sids, handles events, and keeps the state to be saved. */
const watchAll = (callCenter: CallCenter, board: Board, details: boolean) =>
  Effect.gen(function*() {
    const watch = yield* CallWatch.CallWatch
    const state = yield* FleetState.make()
    const policy: WatchPolicy.Options = { cadence: WatchPolicy.every("6 seconds"), details }
    yield* watch.fleet(callCenter.sids, policy).pipe(
      Stream.tap((event) => board.record(event)),
      Stream.runForEach(state.update),
      // The next process resumes from these tokens: `watch.fleet(tokens, policy)`.
      Effect.ensuring(Effect.flatMap(state.tokens, (tokens) =>
        Console.log(
          `\n${tokens.length} watches have not ended; `
            + `${Schema.encodeSync(FleetState.FromJson)(tokens).length} bytes of state would be saved.`
        )))
    )
  })

const positive = (name: string) =>
  Config.number(name).pipe(
    Config.validate({ message: `${name} must be greater than zero`, validation: (value) => value > 0 })
  )

const settings = Config.all({
  calls: Config.withDefault(positive("FLEET_CALLS"), 1000),
  perMinute: Config.withDefault(positive("FLEET_PER_MINUTE"), 200),
  speed: Config.withDefault(positive("FLEET_SPEED"), 20),
  minutes: Config.option(positive("FLEET_MINUTES")),
  details: Config.withDefault(Config.boolean("FLEET_DETAILS"), false)
})

const program = Effect.gen(function*() {
  const { calls, details, minutes, perMinute, speed } = yield* settings
  const isScreen = process.stdout.isTTY
  const duration = minutes._tag === "Some"
    ? Duration.minutes(minutes.value)
    : isScreen
    ? Duration.infinity
    : Duration.minutes(3)
  const Exotel = FakeExotel.layerServer({
    requestsPerMinute: perMinute,
    journalLimit: 20_000,
    verifyOnClose: false,
    // Sockets do not run faster with the clock, so the time-out is scaled.
    client: { requestsPerMinute: perMinute, timeout: Duration.seconds(10 * speed) }
  })
  yield* Effect.gen(function*() {
    const callCenter = yield* open({ calls, meanSeconds: 180 })
    const board = yield* Board.make(callCenter, perMinute)
    yield* Effect.fork(show(board, isScreen, speed))
    yield* Effect.race(watchAll(callCenter, board, details), Effect.sleep(duration))
    yield* Effect.flatMap(board.summary, Console.log)
  }).pipe(
    Effect.scoped,
    Effect.provide(CallWatch.layer.pipe(Layer.provideMerge(Exotel), Layer.provideMerge(ScaledClock.layer(speed))))
  )
})

NodeRuntime.runMain(
  Effect.tapErrorCause(program, (cause) => Console.error(Cause.pretty(cause))),
  { disableErrorReporting: true }
)
