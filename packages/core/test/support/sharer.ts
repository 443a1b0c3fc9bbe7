/** One of several processes that share a budget over Redis: takes turns as they come, and prints when, for so long. */
import { RequestBudget } from "@effect-exotel/core"
import * as Shared from "@effect-exotel/core/RequestBudget/Shared"
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as RedisStore from "@effect/experimental/RateLimiter/Redis"
import { Clock, Config, Console, Effect, Layer } from "effect"

const program = Effect.gen(function*() {
  const budget = yield* RequestBudget.RequestBudget
  const times: Array<number> = []
  yield* Effect.forever(Effect.zipRight(
    budget.acquire("interactive"),
    Effect.map(Clock.currentTimeMillis, (now) => times.push(now))
  )).pipe(Effect.timeoutOption(yield* Config.duration("SHARER_LASTS")))
  yield* Console.log(JSON.stringify(times))
})

const budget = Layer.unwrapEffect(
  Effect.map(
    Config.string("SHARER_SOCKET"),
    (path) =>
      Shared.layer({ key: "test", requestsPerMinute: 20, window: "2 seconds" }).pipe(
        Layer.provide(RateLimiter.layer),
        Layer.provide(RedisStore.layerStore({ path }))
      )
  )
)

Effect.runFork(Effect.provide(program, budget))
