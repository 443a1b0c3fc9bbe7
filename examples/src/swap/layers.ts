/** How the application is composed. Its tests take another piece out of this, one at each level. */
import { ExotelCalls } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import { NodeHttpClient } from "@effect/platform-node"
import { Layer } from "effect"

/** Needs the calls only. */
export const Watch = CallWatch.layer

/** Needs the wire only: credentials come from the environment. */
export const Exotel = Watch.pipe(Layer.provide(ExotelCalls.layerConfig()))

/** Needs nothing. */
export const Live = Exotel.pipe(Layer.provide(NodeHttpClient.layerUndici))
