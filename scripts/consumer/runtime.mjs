// Places a call, watches it to its end and reads it in both formats, over one HTTP client: <base URL> <client>.
import { ConnectRequest, ExotelCalls } from "@effect-exotel/core"
import { CallWatch } from "@effect-exotel/watch"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Cause, Effect, Either, Layer, Redacted } from "effect"

const clients = {
  "FetchHttpClient.layer": FetchHttpClient.layer,
  "NodeHttpClient.layer": NodeHttpClient.layer,
  "NodeHttpClient.layerUndici": NodeHttpClient.layerUndici
}
const [baseUrl, client] = process.argv.slice(2)

const layer = (format) =>
  ExotelCalls.layer({
    apiKey: Redacted.make("key"),
    apiToken: Redacted.make("token"),
    accountSid: "acme1m",
    baseUrl,
    format
  })

const read = (format, sid) =>
  Effect.flatMap(ExotelCalls.ExotelCalls, (calls) => calls.getWithDetails(sid)).pipe(Effect.provide(layer(format)))

const program = Effect.gen(function*() {
  const calls = yield* ExotelCalls.ExotelCalls
  yield* calls.verify
  const watch = yield* CallWatch.CallWatch
  const numbers = { from: "09876543210", to: "09123456789", callerId: "08012345678" }
  const ended = yield* watch.connectAndAwaitEnd(ConnectRequest.twoNumbers(numbers), { cadence: "200 millis" })
  const statuses = yield* Effect.forEach(["json", "xml"], (format) => read(format, ended.sid))
  return [ended, ...statuses].map(({ status }) => status).join(" ")
}).pipe(Effect.provide(Layer.provideMerge(CallWatch.layer, layer("json"))), Effect.provide(clients[client]))

const exit = await Effect.runPromiseExit(program)
console.log(
  exit._tag === "Success" ? exit.value : Either.match(Cause.failureOrCause(exit.cause), {
    onLeft: (error) => `${error._tag} ${error.reason ?? ""}`.trim(),
    onRight: Cause.pretty
  })
)
