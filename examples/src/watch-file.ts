/**
 * Watches the calls of a file of sids, one a line, and appends the result of each to a second file, from which the next
 * run knows what is done. It may be killed at any time and started again; lines may be added while it is not running.
 *
 * `pnpm --filter ./examples watch-file sids.txt results.csv`, with the `EXOTEL_*` variables set.
 */
import { ExotelCalls } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import { NodeContext, NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { watchFile } from "./lib/watchFile.ts"

const Live = CallWatch.layer.pipe(
  Layer.provide(ExotelCalls.layerConfig()),
  Layer.provide(NodeHttpClient.layerUndici),
  Layer.merge(NodeContext.layer)
)

const [sidsPath, resultsPath] = process.argv.slice(2)

NodeRuntime.runMain(
  sidsPath === undefined || resultsPath === undefined
    ? Console.error("Usage: watch-file <file of sids> <file of results>")
    : Effect.provide(watchFile(sidsPath, resultsPath), Live)
)
