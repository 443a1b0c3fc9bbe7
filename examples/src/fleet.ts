/**
 * A call centre under one fleet: a thousand calls in the air, 200 requests a minute, and a screen that shows what becomes
 * of them. It runs against a pretended Exotel over real HTTP, on a clock that is twenty times as fast.
 *
 * `FLEET_CALLS`, `FLEET_PER_MINUTE`, `FLEET_SPEED`, `FLEET_MINUTES` (of the fast clock; by default 3, and for ever on a
 * terminal) and
 * `FLEET_DETAILS` change what is played; Ctrl-C ends it.
 */
import { FakeExotel, ScaledClock } from "@effect-exotel/testing"
import { CallWatch, FleetState, WatchPolicy } from "@effect-exotel/watch"
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Config, Console, Duration, Effect, Layer, Schema, Stream } from "effect"
import { Board } from "./lib/fleet/board.ts"
import { type Centre, open } from "./lib/fleet/centre.ts"
import { show } from "./lib/fleet/screen.ts"

/** What a program of yours would look like: sids come in, events go out, and the state is there to be saved. */
const watchAll = (centre: Centre, board: Board, details: boolean) =>
  Effect.gen(function*() {
    const watch = yield* CallWatch.CallWatch
    const state = yield* FleetState.make()
    const policy: WatchPolicy.Options = { cadence: WatchPolicy.every("6 seconds"), details }
    yield* watch.fleet(centre.sids, policy).pipe(
      Stream.tap((event) => board.take(event)),
      Stream.runForEach(state.update),
      // Where this process stops, the next one goes on: `watch.fleet(tokens, policy)`.
      Effect.ensuring(Effect.flatMap(state.tokens, (tokens) =>
        Console.log(
          `\n${tokens.length} watches are not over; `
            + `${Schema.encodeSync(FleetState.FromJson)(tokens).length} bytes would save them.`
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
  const lasts = minutes._tag === "Some"
    ? Duration.minutes(minutes.value)
    : isScreen
    ? Duration.infinity
    : Duration.minutes(3)
  const Exotel = FakeExotel.layerServer({
    requestsPerMinute: perMinute,
    journalLimit: 20_000,
    verifyOnClose: false,
    // Sockets take the time that they take, however fast the clock is.
    client: { requestsPerMinute: perMinute, timeout: Duration.seconds(10 * speed) }
  })
  yield* Effect.gen(function*() {
    const centre = yield* open({ calls, meanSeconds: 180 })
    const board = yield* Board.make(centre, perMinute)
    yield* Effect.fork(show(board, isScreen, speed))
    yield* Effect.race(watchAll(centre, board, details), Effect.sleep(lasts))
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
