/** The layers of the application. Its tests replace a different one at each level. */
import { ExotelCalls } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import { NodeHttpClient } from "@effect/platform-node"
import { Layer } from "effect"

/** Requires the client. */
export const Watch = CallWatch.layer

/** Requires an HTTP client; credentials come from the environment. */
export const Exotel = Watch.pipe(Layer.provide(ExotelCalls.layerConfig()))

/** Requires nothing. */
export const Live = Exotel.pipe(Layer.provide(NodeHttpClient.layerUndici))
