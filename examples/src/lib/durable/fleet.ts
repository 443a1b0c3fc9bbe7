/** The definition of a durable fleet, and its connection to Exotel, which its programs share. */
import { Fleet, FleetBudget } from "@effect-exotel/cluster"
import { ExotelCalls } from "@effect-exotel/core"
import { FakeExotel } from "@effect-exotel/testing"
import { CallWatch } from "@effect-exotel/watch"
import { NodeHttpClient } from "@effect/platform-node"
import { Config, Effect, Either, Layer } from "effect"

export const fleet = Either.getOrThrow(
  Fleet.make({ name: "campaign", policies: { default: { cadence: "2 seconds" } } })
)

export const requestsPerMinute = 600

/** The engine that polls, with the budget of this process. A real program would use `ExotelCalls.layerConfigWithBudget()`. */
export const Watch = Layer.unwrapEffect(Effect.map(Config.string("EXOTEL_BASE_URL"), (baseUrl) => {
  const { accountSid, apiKey, apiToken } = FakeExotel.defaultAccount
  return CallWatch.layer.pipe(
    Layer.provide(ExotelCalls.layerWithBudget({ accountSid, apiKey, apiToken, baseUrl })),
    Layer.provide(NodeHttpClient.layerUndici),
    Layer.provideMerge(FleetBudget.layer({ requestsPerMinute }))
  )
}))
